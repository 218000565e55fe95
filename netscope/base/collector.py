"""Python's collector of cycles, paused while a network is built and traced."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from netscope.base.plain import is_plain


@contextmanager
def collector_paused() -> Iterator[None]:
    """A summary makes tens of thousands of objects that live on and hardly a cycle.

    Each full collection in between would walk all of torch: four fifths of the time of a DenseNet.
    """
    if not gc.isenabled() or is_plain("collector"):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
