"""Source: torchvision's networks, `torchvision/NAME`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from netscope.base.errors import MissingExtraError, SourceError, said
from netscope.base.workload import TensorSpec
from netscope.sources.common.blueprint import Blueprint, Call, Options, batched
from netscope.sources.common.installed import package_folder, torchvision_names
from netscope.sources.common.options import check_options, refuse_weights
from netscope.sources.common.source import Source
from netscope.sources.common.wording import did_you_mean

if TYPE_CHECKING:
    from torch import nn

_PREFIX: Final = "torchvision/"

# Frames of a clip. The GFLOPs that torchvision publishes for its video networks are those of 16.
_FRAMES: Final = 16
# Height and width of the frames of optical flow: torchvision's published GFLOPs are those of this size.
_FLOW_SIZE: Final = (512, 512)
# Side of an image where neither the network nor its published weights name one.
_SIDE: Final = 224


def accepts(name: str) -> bool:
    """Whether the name says torchvision."""
    return name.startswith(_PREFIX)


def open_model(name: str, options: Options) -> Blueprint:
    """torchvision's network of that name, without weights; `options` go to its builder.

    Raises:
        MissingExtraError: torchvision is not installed.
        SourceError: torchvision cannot be imported, or has no such network.
        UsageError: the builder takes no such option.
    """
    short = name.removeprefix(_PREFIX)
    builder = _builder(name, short)
    refuse_weights(name, options, ("weights", "weights_backbone", "pretrained", "pretrained_backbone"))
    taken = check_options(name, builder, options)
    fixed: dict[str, Any] = {"weights": None}
    if "weights_backbone" in taken:
        fixed["weights_backbone"] = None  # its default would download them
    if short.removeprefix("quantized_") in ("googlenet", "inception_v3") and "init_weights" not in options:
        fixed["init_weights"] = False  # else a warning, and minutes of truncated normals when built for real

    return Blueprint(
        factory=partial(builder, **{**fixed, **options}),
        source="torchvision",
        options=options,
        description=lambda module: "random weights",
        example=lambda module, batch: _example(short, module, batch),
    )


def _builder(name: str, short: str) -> Callable[..., nn.Module]:
    if package_folder("torchvision") is None:
        raise MissingExtraError("torchvision is not installed.", hint="pip install torchvision")
    try:
        from torchvision import models
    except Exception as error:  # torchvision of another build than torch's: "nms does not exist"
        raise SourceError(
            f"torchvision is installed but cannot be imported ({said(error)}).",
            hint="install the torchvision built for this torch; the networks of the zoo work without it",
        ) from error
    try:
        builder: Callable[..., nn.Module] = models.get_model_builder(short)
    except ValueError:
        names = torchvision_names()
        raise SourceError(
            f"no model is named {name!r}.{did_you_mean(name, names)}",
            hint=f"`netscope models 'torchvision/*'` lists all {len(names)}.",
        ) from None
    return builder


def _example(short: str, module: nn.Module, batch: int) -> Call:
    """What torchvision publishes this network's figures for, at the size that was really built."""
    kind = type(module).__module__.removeprefix("torchvision.models.").partition(".")[0]
    if kind == "detection":
        height, width = _detector_size(module)
        return Call(([TensorSpec((3, height, width))] * batch,))
    if kind == "optical_flow":
        frame = TensorSpec(batched((3, *_FLOW_SIZE), batch))
        return Call((frame, frame))

    preset = _preset(short)
    size = _pair(
        getattr(module, "image_size", None)  # a ViT takes this and nothing else
        or getattr(preset, "crop_size", None)
        or getattr(preset, "resize_size", None)
        or _SIDE
    )
    if kind == "video":
        return Call((TensorSpec(batched((3, _FRAMES, *size), batch)),))
    return Call((TensorSpec(batched((3, *size), batch)),))


def _preset(short: str) -> Any:
    """The preprocessing that belongs to the default weights, None for a network that has none."""
    from torchvision.models import get_model_weights

    published = get_model_weights(short)
    default = getattr(published, "DEFAULT", next(iter(published), None))
    return None if default is None else default.transforms()


def _detector_size(module: nn.Module) -> tuple[int, int]:
    """The size that a detector scales its images to."""
    transform: Any = module.transform
    if transform.fixed_size is not None:
        width, height = transform.fixed_size
        return height, width
    side = int(transform.min_size[-1])
    return side, side


def _pair(size: int | list[int] | tuple[int, ...]) -> tuple[int, int]:
    sides = [size] if isinstance(size, int) else list(size)
    return sides[0], sides[-1]


SOURCES: Final = (
    Source(
        title="torchvision",
        form="torchvision/NAME",
        description="torchvision's classifiers, detectors, segmenters, video and optical flow",
        accepts=accepts,
        open=open_model,
        names=torchvision_names,
        rank=10,
    ),
)
