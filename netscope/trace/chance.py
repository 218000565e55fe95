"""Random numbers of a real forward, from a generator of the recording's own.

The owner's and the process's generators stand where they stood: another thread may be drawing from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from netscope.trace.composites import ATTENTION, COMPOSITES

# Where the share that is dropped stands among the arguments of what is recorded whole.
_DROPOUT: Final = {
    name: 4 if name == ATTENTION else 5 if name.endswith(".input") else 6 for name in COMPOSITES
}

Generators = Callable[[torch.device], torch.Generator]


def whole(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a composite makes with nothing dropped: that takes no random numbers, and the shapes are equal."""
    name = str(func)
    place = _DROPOUT[name]
    share = kwargs.get("dropout_p", args[place] if len(args) > place else 0.0)
    if not share:
        return func(*args, **kwargs)
    if len(args) > place:
        args = (*args[:place], 0.0, *args[place + 1 :])
    kwargs = {**kwargs, "dropout_p": 0.0} if "dropout_p" in kwargs else kwargs
    if name == ATTENTION and args[0].device.type == "cpu":
        # The one kernel there that drops anything, and lays its result out in its own way.
        return torch.ops.aten._scaled_dot_product_attention_math(*args, **kwargs)[0]
    return func(*args, **kwargs)


def drawn(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], generators: Generators) -> Any:
    """What an operator that takes random numbers makes, of numbers from the recording's own generator."""
    if kwargs.get("generator") is not None:
        return func(*args, **kwargs)  # one that the module has, and so a twin of it
    first = next((value for value in args if isinstance(value, torch.Tensor)), None)
    device = kwargs.get("device") or (torch.device("cpu") if first is None else first.device)
    generator = generators(torch.device(device))
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func(*args, **{**kwargs, "generator": generator})
    overload = func._overloadname
    name = "generator" if overload == "default" else f"{overload}_generator"
    if name in func._overloadpacket.overloads():
        return getattr(func._overloadpacket, name)(*args, **{**kwargs, "generator": generator})
    return _without_drawing(func, args, kwargs, generator)


def _without_drawing(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], generator: torch.Generator
) -> Any:
    """Of those that can be given no generator."""
    name = func._overloadpacket.__name__
    if name == "native_dropout":
        x, share, train = args
        if not train:
            return func(*args, **kwargs)
        mask = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - share, generator=generator)
        return x * mask / (1 - share if share < 1 else 1), mask
    if name in ("rand_like", "randn_like", "randint_like"):
        made = torch.empty_like(args[0], **{k: v for k, v in kwargs.items() if v is not None})
        if name == "rand_like":
            return made.uniform_(generator=generator)
        if name == "randn_like":
            return made.normal_(generator=generator)
        low, high = (0, args[1]) if len(args) == 2 else args[1:3]
        return made.random_(low, high, generator=generator)
    # What is left: put back at once.
    before = torch.get_rng_state()
    try:
        return func(*args, **kwargs)
    finally:
        torch.set_rng_state(before)
