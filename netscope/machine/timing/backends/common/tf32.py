"""Whether products of fp32 tensors may be rounded to tf32: torch has two settings for it, old and new.

They contradict each other when only one of them is written to, and whoever reads the other is then met with
an error: `torch.backends.cudnn.flags()` for one, in a network's forward. So both are written, and put back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import torch

# Where torch keeps it: for each kind of operator (new), and for each library (old).
_NEW: Final = ("cuda.matmul", "cudnn.conv", "cudnn.rnn")
# What the old settings change besides.
_BESIDE: Final = ("mkldnn.matmul",)


@contextmanager
def allowed(rounded: bool) -> Iterator[None]:
    """Round to tf32, or do not; everything is as before afterwards."""
    new = {name: _place(name).fp32_precision for name in (*_NEW, *_BESIDE) if _place(name) is not None}
    # Unreadable where the caller has set the new ones alone; they stay as they are then.
    products = _told(torch.get_float32_matmul_precision)
    convolutions = _told(lambda: torch.backends.cudnn.allow_tf32)
    try:
        with _quiet():
            if products is not None:
                torch.backends.cuda.matmul.allow_tf32 = rounded
            if convolutions is not None:
                torch.backends.cudnn.allow_tf32 = rounded
            for name in new.keys() & set(_NEW):
                _place(name).fp32_precision = "tf32" if rounded else "ieee"
        yield
    finally:
        with _quiet():
            if products is not None:
                torch.set_float32_matmul_precision(products)
            if convolutions is not None:
                torch.backends.cudnn.allow_tf32 = convolutions
            for name, precision in new.items():
                _place(name).fp32_precision = precision


def _place(name: str) -> Any:
    place: Any = torch.backends
    for part in name.split("."):
        place = getattr(place, part, None)
    return place


def _told(question: Callable[[], Any]) -> Any:
    """The answer; None where torch refuses one."""
    with suppress(RuntimeError), _quiet():
        return question()
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the advice to use the new settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
