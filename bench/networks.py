"""Every network of torchvision, summarised by name and built for real."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import netscope
from bench.processes import progress
from netscope.answers.verify.weights import build


@dataclass(frozen=True, slots=True)
class Swept:
    """One network. `params` and `built_params` are None where summarising or building it raised.

    unknown:
        calls of operators that netscope could not count.
    """

    name: str
    params: int | None
    built_params: int | None
    rung: str = ""
    unknown: int = 0
    seconds: float = 0.0
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Summarised, with the parameters of the really built one."""
        return self.params is not None and self.params == self.built_params


def sweep() -> list[Swept]:
    """All of `list_models()`, one after the other; each really built one is freed before the next."""
    from torchvision.models import list_models

    names = list_models()
    found = []
    for number, name in enumerate(names, 1):
        progress(f"correctness: {number} of {len(names)}, {name}")
        found.append(_swept(name))
    return found


def _swept(name: str) -> Swept:
    started = time.perf_counter()
    try:
        report = netscope.summary(f"torchvision/{name}")
    except netscope.NetscopeError as error:
        return Swept(name, None, None, error=str(error))
    seconds = time.perf_counter() - started
    built = built_params(build(name))
    return Swept(name, report.params, built, report.rung, sum(report.unknown.values()), seconds)


def built_params(module: Any) -> int:
    """Elements of a real module's parameters, as torch itself lists them."""
    return sum(parameter.numel() for parameter in module.parameters())
