"""Which family a layer belongs to: `DERIVATIONS`, by torch.nn class. A newcomer adds a line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from netscope.answers.explain import convolutions, features, pools, sequences
from netscope.answers.explain.lines import Derivation
from netscope.answers.explain.windows import DIRECTIONS
from netscope.report.layer import Layer

Derive = Callable[[Layer], Derivation]

# torch.nn class -> what derives its figures.
DERIVATIONS: Final[dict[str, Derive]] = {
    **{f"{lazy}Conv{n}d": convolutions.convolution(n) for n in DIRECTIONS for lazy in ("", "Lazy")},
    **{f"{lazy}ConvTranspose{n}d": convolutions.transposed(n) for n in DIRECTIONS for lazy in ("", "Lazy")},
    **{f"{kind}Pool{n}d": pools.pool(n) for n in DIRECTIONS for kind in ("Max", "Avg", "LP")},
    **{f"MaxUnpool{n}d": pools.unpool(n) for n in DIRECTIONS},
    **{f"Adaptive{kind}Pool{n}d": pools.adaptive(n) for n in DIRECTIONS for kind in ("Max", "Avg")},
    **{
        f"{kind}Pad{n}d": pools.padding(n)
        for n in DIRECTIONS
        for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")
    },
    **dict.fromkeys(("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"), pools.upsample),
    "Flatten": pools.flatten,
    **dict.fromkeys(("Linear", "LazyLinear", "NonDynamicallyQuantizableLinear"), features.linear),
    "Bilinear": features.bilinear,
    **{f"{kind}Norm{n}d": features.norm for n in DIRECTIONS for kind in ("Batch", "Instance")},
    **dict.fromkeys(
        ("SyncBatchNorm", "LayerNorm", "GroupNorm", "RMSNorm", "LocalResponseNorm"), features.norm
    ),
    **dict.fromkeys(("Embedding", "EmbeddingBag"), features.embedding),
    "MultiheadAttention": sequences.attention,
    **dict.fromkeys(sequences.GATES, sequences.recurrent),
}


def derivation_of(layer: Layer) -> Derivation:
    """What its family has to say; of an unknown one, what its parameters' shapes say."""
    derive = DERIVATIONS.get(layer.base)
    if derive is not None:
        # A subclass may keep something else by the names of its base's hyperparameters.
        with suppress(TypeError, ValueError, ArithmeticError, LookupError):
            return derive(layer)
    if any("scaled_dot_product" in operator for operator in layer.operators):
        return sequences.scaled_dot_product(layer)
    return features.parameters_only(layer)
