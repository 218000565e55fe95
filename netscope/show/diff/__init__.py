"""What of a diff people see: `build` says which rows and columns, the renderers in `render.diff` how."""

from __future__ import annotations

from netscope.show.diff.rows import Differences, Figure, Row, figure_of, total_of
from netscope.show.diff.selection import build

__all__ = ["Differences", "Figure", "Row", "build", "figure_of", "total_of"]
