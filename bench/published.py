"""What torchvision publishes about its weights, against netscope.

`num_params` is that of the network the weights belong to, which is not always the one that its builder
makes without weights. For each weight where they differ, both are built and compared name by name: the
reason is read off that difference, and netscope has to find the published number on the weight's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import netscope
from bench.networks import built_params
from netscope.answers.verify.weights import (
    DECIMALS,
    build,
    difference,
    kind_of,
    own_network,
    published_params,
    weights_of,
)


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


def explain(name: str, weight: Any, as_built: int) -> Explained:
    """Build the weight's own network beside the plain one, and tell what is different."""
    own = _own_network(name, weight)
    why = difference(build(name), own)
    counted = netscope.summary(own, **_small_input(own, weight)).params
    assert built_params(own) == published_params(weight)
    options = _options(weight, why)
    by_name = netscope.summary(f"torchvision/{name}", options=options).params if options else None
    option = ", ".join(f"-k {key}={value}" for key, value in options.items())
    return Explained(str(weight), published_params(weight), as_built, why, counted, option, by_name)


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
    """What torchvision builds for a weight; small images for a detector."""
    small = {"min_size": 64, "max_size": 64} if kind_of(weight) == "detection" else {}
    return own_network(name, weight, **small)


def _small_input(own: Any, weight: Any) -> dict[str, Any]:
    """Parameters do not depend on the input, so the smallest that the network can take."""
    if kind_of(weight) == "detection":
        return {"args": ([netscope.TensorSpec((3, 64, 64))],)}
    side = getattr(own, "image_size", 224)
    return {"input": f"3x{side}x{side}"}


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
