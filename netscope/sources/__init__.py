"""A name -> a `Workload`. Weights are never downloaded, and not allocated either (see `building`).

One line of `SOURCES` for each kind of place that a network can come from. To add one, write a function
(name, options) -> Blueprint and add its line; `netscope models` and the suggestions follow by themselves.
Importing this package imports neither torch nor any library of networks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from netscope.base.errors import SourceError, UsageError
from netscope.base.workload import Input, Workload, parse_dtype
from netscope.sources import code, huggingface, installed, timm, vision, zoo
from netscope.sources.blueprint import Blueprint, Call, Options
from netscope.sources.construct import construct, construct_real
from netscope.sources.inputs import Setting, combine
from netscope.sources.wording import did_you_mean

__all__ = ["SOURCES", "Source", "resolve", "source_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of place that networks come from.

    title:
        what a report's header calls it.
    form:
        how its names are written, for help texts.
    description:
        what it has, in a few words.
    accepts:
        whether a name is of that form (not whether there is such a network).
    open:
        finds the network; raises SourceError when there is none of that name.
    names:
        lists all of its names, quickly: without importing torch or the library itself.
    """

    title: str
    form: str
    description: str
    accepts: Callable[[str], bool]
    open: Callable[[str, Options], Blueprint]
    names: Callable[[], Iterable[str]] = tuple


# The first that accepts a name serves it.
SOURCES: Final = (
    Source(
        "torchvision",
        "torchvision/NAME",
        "torchvision's classifiers, detectors, segmenters, video and optical flow",
        vision.accepts,
        vision.open_model,
        installed.torchvision_names,
    ),
    Source("timm", "timm/NAME", "timm's networks", timm.accepts, timm.open_model, installed.timm_names),
    Source(
        "hf",
        "hf/MODEL_TYPE",
        "transformers' networks by default configuration; `hf/path/config.json` by another",
        huggingface.accepts,
        huggingface.open_model,
        installed.huggingface_names,
    ),
    Source(
        "file",
        "path/file.py:factory",
        "a class or function in a file: a module, a Workload or (module, args, kwargs)",
        code.accepts_file,
        code.open_file,
    ),
    Source(
        "python",
        "package.module:factory",
        "the same in a module that can be imported",
        code.accepts_import,
        code.open_import,
    ),
    Source("zoo", "NAME", "netscope's own zoo", zoo.accepts, zoo.open_model, zoo.names),
)


def resolve(
    name: str,
    *,
    input: Input | None = None,
    batch: int = 1,
    dtype: str | None = None,
    options: Options | None = None,
    args: tuple[Any, ...] | None = None,
    kwargs: dict[str, Any] | None = None,
) -> Workload:
    """Build the network of that name, on meta, with the call that is to be traced.

    name:
        "alexnet", "torchvision/resnet50", "timm/...", "hf/bert", "hf/path/config.json",
        "package.module:factory" or "path/file.py:factory".
    input:
        what replaces the source's example input: "3x227x227", "ids=128:int64", a TensorSpec, or a list
        of these. Sizes are without the batch; `batch` is put in front.
    dtype:
        of the parameters and of the floating-point inputs, as in "bf16"; the network's own by default.
    options:
        keyword arguments for the factory or configuration.
    args, kwargs:
        the arguments of the call, as they are; they replace the example and `input`.

    Raises:
        UsageError: an input, dtype or option cannot be read or does not fit the network.
        SourceError: there is no such network, or building it failed (then with a `__cause__`).
        MissingExtraError: the library that has it is not installed.
    """
    if batch < 0:
        raise UsageError(f"a batch of {batch} samples does not exist.", hint="give --batch 1 or more")
    if dtype is not None:
        dtype = parse_dtype(dtype)
    blueprint = source_of(name).open(name, dict(options or {}))
    made = construct(blueprint, name, dtype)
    if args is None and kwargs is None:
        example = blueprint.example(made.module, batch) if made.call is None else made.call
        call = combine(example, input, Setting(name, made.module, batch, dtype, made.call is not None))
    else:
        call = Call(tuple(args or ()), dict(kwargs or {}))
    return Workload(
        name=name,
        module=made.module,
        args=call.args,
        kwargs=call.kwargs,
        source=blueprint.source,
        description=made.description or blueprint.description(made.module),
        rebuild=partial(construct_real, blueprint, name, dtype),
    )


def source_of(name: str) -> Source:
    """The source that serves names of this form. It imports nothing, so a slip is told at once.

    Raises:
        SourceError: none does; the message has the nearest right names.
    """
    for source in SOURCES:
        if source.accepts(name):
            return source
    if name.strip() and os.path.exists(name):  # noqa: PTH110 - Path.exists raises over a long name
        kind = "folder" if Path(name).is_dir() else "file"
        raise SourceError(f"{name!r} is a {kind}, not a model.", hint="write path/file.py:factory")
    names = [known for source in SOURCES for known in source.names()]
    raise SourceError(
        f"no model is named {name!r}.{did_you_mean(name, names)}",
        hint=f"`netscope models` lists all {len(names):,}.",
    )
