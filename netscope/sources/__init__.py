"""A name -> a `Workload`. Weights are never downloaded, and not allocated either (see `base.meta`).

Each module in this folder is a kind of place that a network can come from, `huggingface` a folder of them.
To add one, write a module with a function (name, options) -> Blueprint and a `SOURCES` of one `Source`; it is
found by being here, and help, `netscope models`, completion and docs know it. Importing this package imports
neither torch nor any library of networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Final, Unpack

from netscope.base import paths
from netscope.base.errors import SourceError
from netscope.base.request import How, Request
from netscope.base.workload import Workload
from netscope.sources.common.source import Form, Source
from netscope.sources.common.wording import did_you_mean

__all__ = ["SOURCES", "Form", "Source", "resolve", "unknown"]


# Folders that are no kind of place: what all of them need, and names with a revision in front.
_OTHERS: Final = ("common", "revision")


def _found() -> Iterator[Source]:
    for module in iter_modules(__path__):
        if module.name not in _OTHERS:
            yield from import_module(f"{__name__}.{module.name}").SOURCES


# The first that accepts a name serves it.
SOURCES: Final[tuple[Source, ...]] = tuple(sorted(_found(), key=lambda source: source.rank))


def resolve(name: str, **how: Unpack[How]) -> Workload:
    """Build the network of that name, on meta, with the call that is to be traced.

    Args:
        name: "alexnet", "torchvision/resnet50", "timm/...", "hf/bert", "hf/path/config.json",
            "package.module:factory" or "path/file.py:factory".
        how: what `netscope.summary` takes.

    Raises:
        as `Source.read` does; SourceError also for a name of no form.
    """
    request = Request(**how)
    for source in SOURCES:
        if source.accepts(name):
            return source.read(name, request)
    raise unknown(name)


def unknown(name: str) -> SourceError:
    """What to raise over a name of no form; the message has the nearest right names."""
    if name.strip() and paths.exists(name):
        kind = "folder" if paths.is_folder(name) else "file"
        return SourceError(f"{name!r} is a {kind}, not a model.", hint="write path/file.py:factory")
    names = [known for source in SOURCES for known in source.names()]
    return SourceError(
        f"no model is named {name!r}.{did_you_mean(name, names)}",
        hint=f"`netscope models` lists all {len(names):,}.",
    )
