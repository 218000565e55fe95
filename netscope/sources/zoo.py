"""Source: the networks that netscope brings along."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from netscope.base.workload import TensorSpec, parse_input
from netscope.sources.common.blueprint import Blueprint, Call, Options, batched
from netscope.sources.common.options import check_options
from netscope.sources.common.source import Source
from netscope.zoo import factory, function
from netscope.zoo.catalog import ZOO

if TYPE_CHECKING:
    from torch import nn


def accepts(name: str) -> bool:
    """Whether the zoo has a network of that name."""
    return name in ZOO


def open_model(name: str, options: Options) -> Blueprint:
    """The network of that name; `options` go to its function.

    Raises:
        UsageError: the function takes no such option.
    """
    entry, build = ZOO[name], factory(name)
    check_options(name, build, options)
    _, spec = parse_input(entry.example)
    if "in_channels" in options:
        spec = TensorSpec((options["in_channels"], *spec.shape[1:]), spec.dtype)

    def example(module: nn.Module, batch: int) -> Call:
        if entry.arguments:
            return Call(function(entry.arguments)(batch))
        return Call((TensorSpec(batched(spec.shape, batch), spec.dtype),))

    return Blueprint(
        factory=partial(build, **options),
        source="zoo",
        options=options,
        description=lambda module: entry.description,
        example=example,
    )


SOURCES: Final = (
    Source(
        title="zoo",
        form="NAME",
        description="netscope's own zoo",
        accepts=accepts,
        open=open_model,
        names=lambda: ZOO,
        describe=lambda name: ZOO[name].description,
        example="alexnet",
        rank=0,
    ),
)
