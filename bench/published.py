"""What torchvision publishes about its weights, against netscope.

`num_params` is that of the network the weights belong to, which is not always the one that its builder
makes without weights. For each weight where they differ, both are built and compared name by name: the
reason is read off that difference, and netscope has to find the published number on the weight's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

import netscope
from bench.networks import build, built_params

# `meta["_ops"]` is given in G with this many decimals.
DECIMALS: Final = 3


@dataclass(frozen=True, slots=True)
class Explained:
    """A weight whose network is not the one that its builder makes without weights.

    params:
        that netscope counts on the weight's own network.
    option:
        what to give netscope to have it by name, "" where torchvision's builder has no such option;
        `by_name` is netscope's count with it.
    """

    weight: str
    published: int
    as_built: int
    reason: str
    params: int
    option: str = ""
    by_name: int | None = None

    @property
    def accounted_for(self) -> bool:
        """The reason is known, and netscope finds the published number wherever it can be asked."""
        asked = [self.params, *([] if self.by_name is None else [self.by_name])]
        return bool(self.reason) and all(params == self.published for params in asked)


@dataclass(frozen=True, slots=True)
class Operations:
    """A classification weight's multiply-accumulates; `published` is in G."""

    weight: str
    crop: int
    published: float
    macs: int

    @property
    def deviation(self) -> float:
        """Relative, from the published number as it is printed."""
        return self.macs / 1e9 / self.published - 1

    @property
    def beyond_rounding(self) -> float:
        """Relative and positive, from the nearest number that would be printed the same."""
        half = 0.5 * 10**-DECIMALS
        return max(0.0, abs(self.macs / 1e9 - self.published) - half) / self.published

    @property
    def same_as_printed(self) -> bool:
        """Whether it rounds to the published number."""
        return abs(round(self.macs / 1e9, DECIMALS) - self.published) < 0.1 * 10**-DECIMALS


def weights_of(name: str) -> list[Any]:
    """All weights that torchvision has for a network."""
    from torchvision.models import get_model_weights

    return list(get_model_weights(name))


def published_params(weight: Any) -> int:
    """`num_params` of a weight."""
    return int(weight.meta["num_params"])


def explain(name: str, weight: Any, as_built: int) -> Explained:
    """Build the weight's own network beside the plain one, and tell what is different."""
    own = _own_network(name, weight)
    reason = difference(build(name), own)
    counted = netscope.summary(own, **_small_input(own, weight)).params
    assert built_params(own) == published_params(weight)
    options = _options(weight, reason)
    by_name = netscope.summary(f"torchvision/{name}", options=options).params if options else None
    option = ", ".join(f"-k {key}={value}" for key, value in options.items())
    return Explained(str(weight), published_params(weight), as_built, reason, counted, option, by_name)


def difference(plain: Any, own: Any) -> str:
    """Why two real networks have different parameters; "" when it is none of the known reasons."""
    before = {name: tuple(p.shape) for name, p in plain.named_parameters()}
    after = {name: tuple(p.shape) for name, p in own.named_parameters()}
    alone = before.keys() ^ after.keys()
    resized = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    if alone and not resized and all(name.startswith("aux") for name in alone):
        return "auxiliary head" if len(after) > len(before) else "auxiliary heads dropped after training"
    frozen = {name for name, _ in own.named_buffers()} & alone
    if alone and not resized and frozen == alone:
        return "frozen BatchNorm: weights and biases are buffers"
    if resized == {"encoder.pos_embedding"} and not alone:
        return f"larger crop: {_length(before)} to {_length(after)} positions"
    return ""


def operations() -> Iterator[Operations]:
    """Every weight of every classification network, at its own crop size."""
    from torchvision import models

    for name in models.list_models(module=models):
        for weight in weights_of(name):
            (crop,) = set(weight.transforms().crop_size)
            report = netscope.summary(
                f"torchvision/{name}",
                input=f"3x{crop}x{crop}",
                options={"image_size": crop} if name.startswith("vit_") else None,
            )
            yield Operations(
                str(weight),
                crop,
                weight.meta["_ops"],
                report.macs or 0,  # with an operator that nothing can count it agrees with nothing
            )


def _own_network(name: str, weight: Any) -> Any:
    """What torchvision builds for a weight, with loading left out."""
    weight = weight.meta.get("unquantized", weight)  # a quantised one has the sizes of its model
    options: dict[str, Any] = {"weights": weight}
    if _kind(weight) == "detection":
        options.update(min_size=64, max_size=64)
    with _nothing_loaded():
        return build(name, **options)


@contextmanager
def _nothing_loaded() -> Iterator[None]:
    """torchvision's builders neither fetch nor load the weights that they are given."""
    from torch import nn
    from torchvision.models import WeightsEnum

    with (
        mock.patch.object(WeightsEnum, "get_state_dict", return_value={}),
        mock.patch.object(nn.Module, "load_state_dict", return_value=None),
    ):
        yield


def _small_input(own: Any, weight: Any) -> dict[str, Any]:
    """Parameters do not depend on the input, so the smallest that the network can take."""
    if _kind(weight) == "detection":
        return {"args": ([netscope.TensorSpec((3, 64, 64))],)}
    side = getattr(own, "image_size", 224)
    return {"input": f"3x{side}x{side}"}


def _kind(weight: Any) -> str:
    return str(type(weight).__module__).removeprefix("torchvision.models.").partition(".")[0]


def _options(weight: Any, reason: str) -> dict[str, Any]:
    """The builder's option that makes the plain network the weight's own."""
    match reason.partition(":")[0]:
        case "auxiliary head":
            return {"aux_loss": True}
        case "auxiliary heads dropped after training":
            return {"aux_logits": False}
        case "larger crop":
            return {"image_size": weight.transforms().crop_size[0]}
    return {}


def _length(shapes: dict[str, tuple[int, ...]]) -> int:
    return shapes["encoder.pos_embedding"][1]
