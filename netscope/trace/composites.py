"""Functions that are recorded as one operator instead of what they decompose into.

What `scaled_dot_product_attention` or an LSTM breaks down to depends on the device, the build and the
flags of the day; the mathematics does not. These functions are composite, so a dispatch mode never sees
them whole. While a trace runs, the attributes through which torch.nn reaches them are replaced by
wrappers, and put back afterwards. A caller that holds the original function is still counted, from its
decomposition.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

# owner, attribute, and the operator name for the arguments at hand.
Namer = Callable[[tuple[Any, ...]], str]


def _recurrent(kind: str) -> Namer:
    """Dense and packed sequences are overloads: weights come third or fourth."""

    def name(args: tuple[Any, ...]) -> str:
        packed = isinstance(args[1], torch.Tensor) and not isinstance(args[2], (list, tuple))
        if kind == "lstm":
            packed = isinstance(args[1], torch.Tensor)
        return f"aten.{kind}.{'data' if packed else 'input'}"

    return name


COMPOSITES: Final[tuple[tuple[Any, str, Namer], ...]] = (
    (
        torch.nn.functional,
        "scaled_dot_product_attention",
        lambda _: "aten.scaled_dot_product_attention.default",
    ),
    *((torch._VF, kind, _recurrent(kind)) for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu")),
)

Record = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


@contextmanager
def intercepted(record: Record) -> Iterator[None]:
    """Route the composites through `record(name, original, args, kwargs)`."""
    originals = []
    try:
        for owner, attribute, namer in COMPOSITES:
            original = getattr(owner, attribute)
            held = attribute in vars(owner)
            originals.append((owner, attribute, original, held))
            setattr(owner, attribute, _wrapper(original, namer, record))
        yield
    finally:
        for owner, attribute, original, held in originals:
            if held:
                setattr(owner, attribute, original)
            else:
                delattr(owner, attribute)


def _wrapper(original: Callable[..., Any], namer: Namer, record: Record) -> Callable[..., Any]:
    @functools.wraps(original)
    def composite(*args: Any, **kwargs: Any) -> Any:
        return record(namer(args), original, args, kwargs)

    return composite
