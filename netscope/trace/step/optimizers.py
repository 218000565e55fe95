"""Optimizers of `torch.optim` by name, as they are by default on a device."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import torch

from netscope.base import suggest
from netscope.base.errors import UsageError

Factory = Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]
# These want more than gradients.
_OTHERS: Final = frozenset({"Optimizer", "LBFGS", "SparseAdam"})


def names() -> dict[str, type[torch.optim.Optimizer]]:
    """{name in small letters: class}."""
    return {
        name.lower(): cls
        for name, cls in vars(torch.optim).items()
        if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and name not in _OTHERS
    }


def read(text: str) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """The class and the options of "sgd:momentum=0.9,nesterov=true".

    Raises:
        UsageError: there is none of that name, or it has no such option.
    """
    name, _, options = text.partition(":")
    known = names()
    cls = known.get(name.strip().lower())
    if cls is None:
        near = suggest.nearest(name, known, 1)
        raise UsageError(
            f"torch.optim has no optimizer {name!r} that works by gradients alone.",
            hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}",
        )
    taken = inspect.signature(cls).parameters
    given: dict[str, Any] = {}
    for part in filter(None, options.split(",")):
        key, _, value = part.partition("=")
        key = key.strip()
        if key not in taken or key == "params":
            raise UsageError(
                f"{cls.__name__} has no option {key!r}.",
                hint=f"it has {', '.join(name for name in taken if name != 'params')}",
            )
        given[key] = _value(value.strip())
    return cls, given


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None, "": True}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return float(text) if any(sign in text for sign in ".e") else int(text)
    except ValueError:
        return text


def optimizer_of(
    chosen: str | Factory, parameters: list[torch.nn.Parameter], device: torch.device
) -> torch.optim.Optimizer:
    """An optimizer of these parameters.

    Off the processor torch has one go through all parameters at once (`foreach`) where nothing else is said;
    what stands in for a device would not be taken for one.
    """
    if not isinstance(chosen, str):
        made = chosen(parameters)
        if not isinstance(made, torch.optim.Optimizer):
            raise UsageError(
                f"the function of the parameters returned a {type(made).__name__}, not an optimizer.",
                hint="write optimizer=lambda parameters: torch.optim.AdamW(parameters)",
            )
        return made
    cls, given = read(chosen)
    taken = inspect.signature(cls).parameters
    if device.type != "cpu" and "foreach" in taken and not given.get("fused") and "foreach" not in given:
        given["foreach"] = cls.__name__ != "Adafactor"  # of which torch's default is the plain way
    if taken["lr"].default is inspect.Parameter.empty:
        given.setdefault("lr", 1e-3)
    return cls(parameters, **given)
