"""torchvision's published weights: what they say of the network that they belong to.

`num_params` is that of the network the weights belong to, which is not always the one that its builder makes
without weights: it may have an auxiliary head, or be built for a larger crop.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

if TYPE_CHECKING:
    from torch import nn

# `meta["_ops"]` is given in G with this many decimals.
DECIMALS: Final = 3

Shapes = Mapping[str, tuple[int, ...]]


def weights_of(name: str) -> list[Any]:
    """All weights that torchvision has for a network."""
    from torchvision.models import get_model_weights

    return list(get_model_weights(name))


def published_params(weight: Any) -> int:
    """`num_params` of a weight."""
    return int(weight.meta["num_params"])


def kind_of(weight: Any) -> str:
    """What its network is for: "detection", "segmentation", "resnet", ..."""
    return str(type(weight).__module__).removeprefix("torchvision.models.").partition(".")[0]


def crops_of(weight: Any) -> set[int]:
    """Sides of the images that its figures are of; none where it does not say."""
    preset = weight.transforms()
    size = getattr(preset, "crop_size", None) or getattr(preset, "resize_size", None) or ()
    return {size} if isinstance(size, int) else set(size)


def build(name: str, **options: Any) -> nn.Module:
    """The network straight from torchvision's builder, without downloading anything."""
    from torchvision.models import get_model_builder

    builder = get_model_builder(name)
    fixed: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(builder).parameters:
        fixed["weights_backbone"] = None
    if "googlenet" in name or "inception" in name:
        fixed["init_weights"] = False  # minutes of truncated normals, which change no size
    made: nn.Module = builder(**{**fixed, **options})
    return made


def own_network(name: str, weight: Any, **options: Any) -> nn.Module:
    """What torchvision builds for a weight, with loading left out."""
    weight = weight.meta.get("unquantized", weight)  # a quantised one has the sizes of its model
    with _nothing_loaded():
        return build(name, weights=weight, **options)


@contextmanager
def _nothing_loaded() -> Iterator[None]:
    """torchvision's builders neither fetch nor load the weights that they are given. Patches the process."""
    from torch import nn
    from torchvision.models import WeightsEnum

    with (
        mock.patch.object(WeightsEnum, "get_state_dict", return_value={}),
        mock.patch.object(nn.Module, "load_state_dict", return_value=None),
    ):
        yield


def shapes_of(module: nn.Module) -> Shapes:
    """Shapes of the parameters by name."""
    return {name: tuple(p.shape) for name, p in module.named_parameters()}


def differing(before: Shapes, after: Shapes) -> list[str]:
    """Names of the parameters that are in one of them alone, or of another shape."""
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def difference(plain: nn.Module, own: nn.Module) -> str:
    """Why two networks have different parameters; "" when it is none of the known reasons."""
    before, after = shapes_of(plain), shapes_of(own)
    alone = before.keys() ^ after.keys()
    resized = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    if alone and not resized and all(name.startswith("aux") for name in alone):
        return "auxiliary head" if len(after) > len(before) else "auxiliary heads dropped after training"
    frozen = {name for name, _ in own.named_buffers()} & alone
    if alone and not resized and frozen == alone:
        return "frozen BatchNorm: weights and biases are buffers"
    if resized == {"encoder.pos_embedding"} and not alone:
        length = "encoder.pos_embedding"
        return f"larger crop: {before[length][1]} to {after[length][1]} positions"
    return ""
