"""What changed between two networks: layers are paired, and each pair says what differs."""

from __future__ import annotations

from netscope.comparison.result import Absorbed, Change, Delta, Diff, Pair, Status

__all__ = ["Absorbed", "Change", "Delta", "Diff", "Pair", "Status"]
