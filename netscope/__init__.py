"""netscope: what a PyTorch network is and what it costs, layer by layer.

    import netscope

    report = netscope.summary("torchvision/resnet50")
    print(report)
    report["layer1.0.conv1"].macs

Names are loaded when they are first used, so importing this package imports neither torch nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from netscope.version import __version__

if TYPE_CHECKING:
    from netscope.api import check, explain, lint, summary
    from netscope.between import compare, diff
    from netscope.comparison import Comparison, Diff
    from netscope.errors import (
        CheckError,
        MissingExtraError,
        NetscopeError,
        SourceError,
        StoreError,
        TraceError,
        UsageError,
    )
    from netscope.formulas import formula
    from netscope.layer import Layer
    from netscope.machines import profile, roofline
    from netscope.report import Report
    from netscope.store import load
    from netscope.workload import TensorSpec, Workload

__all__ = [
    "CheckError",
    "Comparison",
    "Diff",
    "Layer",
    "MissingExtraError",
    "NetscopeError",
    "Report",
    "SourceError",
    "StoreError",
    "TensorSpec",
    "TraceError",
    "UsageError",
    "Workload",
    "__version__",
    "check",
    "compare",
    "diff",
    "explain",
    "formula",
    "lint",
    "load",
    "profile",
    "roofline",
    "summary",
]

# Where each public name lives. A test holds this, `__all__` and the imports for type checkers together.
_HOMES: Final = {
    "CheckError": "netscope.errors",
    "Comparison": "netscope.comparison",
    "Diff": "netscope.comparison",
    "Layer": "netscope.layer",
    "MissingExtraError": "netscope.errors",
    "NetscopeError": "netscope.errors",
    "Report": "netscope.report",
    "SourceError": "netscope.errors",
    "StoreError": "netscope.errors",
    "TensorSpec": "netscope.workload",
    "TraceError": "netscope.errors",
    "UsageError": "netscope.errors",
    "Workload": "netscope.workload",
    "check": "netscope.api",
    "compare": "netscope.between",
    "diff": "netscope.between",
    "explain": "netscope.api",
    "formula": "netscope.formulas",
    "lint": "netscope.api",
    "load": "netscope.store",
    "profile": "netscope.machines",
    "roofline": "netscope.machines",
    "summary": "netscope.api",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value  # the next access finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
