"""The version, in the one place that the package, its reports and the build read it from."""

from __future__ import annotations

__version__ = "0.2.0"
