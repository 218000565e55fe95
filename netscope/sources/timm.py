"""Source: timm's networks, `timm/NAME`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from netscope.base.errors import MissingExtraError, SourceError, said
from netscope.base.workload import TensorSpec
from netscope.sources.common.blueprint import Blueprint, Call, Options, batched
from netscope.sources.common.installed import package_folder, timm_names
from netscope.sources.common.options import refuse_weights
from netscope.sources.common.source import Source
from netscope.sources.common.wording import did_you_mean

if TYPE_CHECKING:
    from torch import nn

_PREFIX: Final = "timm/"


def accepts(name: str) -> bool:
    """Whether the name says timm."""
    return name.startswith(_PREFIX)


def open_model(name: str, options: Options) -> Blueprint:
    """timm's network of that name, without weights; `options` go to `timm.create_model`.

    Raises:
        MissingExtraError: timm is not installed.
        SourceError: timm cannot be imported, or has no such network.
    """
    if package_folder("timm") is None:
        raise MissingExtraError(f"{name} needs timm.", hint="pip install 'netscope[timm]'")
    try:
        import timm
    except Exception as error:  # it imports torchvision, which may not fit torch
        raise SourceError(f"timm is installed but cannot be imported ({said(error)}).") from error
    short = name.removeprefix(_PREFIX)
    if not timm.is_model(short):
        names = timm_names()
        raise SourceError(
            f"no model is named {name!r}.{did_you_mean(name, names)}",
            hint=f"`netscope models 'timm/*'` lists all {len(names):,}.",
        )
    refuse_weights(name, options, ("pretrained", "checkpoint_path"))
    return Blueprint(
        factory=partial(timm.create_model, short, pretrained=False, **options),
        source="timm",
        options=options,
        description=lambda module: "random weights",
        example=_example,
    )


def _example(module: nn.Module, batch: int) -> Call:
    """An image (or, for timm's naflex networks too, an image) of the size in its configuration."""
    config: Any = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None) or {}
    size = tuple(config.get("input_size") or (3, 224, 224))
    stem = getattr(module, "patch_embed", None)
    built = getattr(stem, "img_size", None)  # where img_size=... was given, and for ViTs in general
    if built is not None:
        size = (size[0], *built)
    channels = getattr(module, "in_chans", None)
    return Call((TensorSpec(batched((channels or size[0], *size[1:]), batch)),))


SOURCES: Final = (
    Source(
        title="timm",
        form="timm/NAME",
        description="timm's networks",
        accepts=accepts,
        open=open_model,
        names=timm_names,
        rank=20,
    ),
)
