"""netscope: what a PyTorch network is and what it costs, layer by layer.

    import netscope

    report = netscope.summary("torchvision/resnet50")
    print(report)
    report["layer1.0.conv1"].macs

Names are loaded when they are first used, so importing this package imports neither torch nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from netscope.base.version import __version__

if TYPE_CHECKING:
    from netscope.answers.compare import Comparison
    from netscope.answers.diff import Diff
    from netscope.api.check import check, check_project
    from netscope.api.compare import compare
    from netscope.api.diff import diff
    from netscope.api.explain import explain
    from netscope.api.lint import lint
    from netscope.api.memory import memory
    from netscope.api.models import models
    from netscope.api.profile import profile
    from netscope.api.roofline import device_specs, roofline
    from netscope.api.summary import summary
    from netscope.api.verify import verify
    from netscope.api.view import view
    from netscope.base.errors import (
        CheckError,
        MissingExtraError,
        NetscopeError,
        SourceError,
        StoreError,
        TraceError,
        UsageError,
    )
    from netscope.base.workload import TensorSpec, Workload
    from netscope.formulas import formula
    from netscope.report.layer import Layer
    from netscope.report.report import Report
    from netscope.report.store import load

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
    "check_project",
    "compare",
    "device_specs",
    "diff",
    "explain",
    "formula",
    "lint",
    "load",
    "memory",
    "models",
    "profile",
    "roofline",
    "summary",
    "verify",
    "view",
]

# Where each public name lives; a verb that is not among them is the function of its file in `netscope.api`.
# A test holds this, `__all__` and the imports for type checkers together.
_HOMES: Final = {
    "CheckError": "netscope.base.errors",
    "Comparison": "netscope.answers.compare",
    "Diff": "netscope.answers.diff",
    "Layer": "netscope.report.layer",
    "MissingExtraError": "netscope.base.errors",
    "NetscopeError": "netscope.base.errors",
    "Report": "netscope.report.report",
    "SourceError": "netscope.base.errors",
    "StoreError": "netscope.base.errors",
    "TensorSpec": "netscope.base.workload",
    "TraceError": "netscope.base.errors",
    "UsageError": "netscope.base.errors",
    "Workload": "netscope.base.workload",
    "check": "netscope.api.check",
    "check_project": "netscope.api.check",
    "compare": "netscope.api.compare",
    "device_specs": "netscope.api.roofline",
    "diff": "netscope.api.diff",
    "explain": "netscope.api.explain",
    "formula": "netscope.formulas",
    "lint": "netscope.api.lint",
    "load": "netscope.report.store",
    "memory": "netscope.api.memory",
    "models": "netscope.api.models",
    "profile": "netscope.api.profile",
    "roofline": "netscope.api.roofline",
    "summary": "netscope.api.summary",
    "verify": "netscope.api.verify",
    "view": "netscope.api.view",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or f"netscope.api.{name}"
    if name.startswith("_") or (name not in _HOMES and find_spec(home) is None):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name, None)
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # the next access finds it without coming here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
