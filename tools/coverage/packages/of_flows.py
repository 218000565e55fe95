"""nflows and normflows: invertible networks."""

from __future__ import annotations

from typing import Any

import normflows
from nflows import flows
from nflows.transforms import (
    CompositeTransform,
    MaskedAffineAutoregressiveTransform,
    MaskedPiecewiseRationalQuadraticAutoregressiveTransform,
    ReversePermutation,
)
from nflows.transforms.lu import LULinear

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("nflows", "normflows")


def _coupled() -> Any:
    steps = []
    for _ in range(4):
        net = normflows.nets.MLP([1, 64, 64, 2], init_zeros=True)
        steps += [normflows.flows.AffineCouplingBlock(net), normflows.flows.Permute(2, mode="swap")]
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(2), steps)


def _splined() -> Any:
    steps: list[Any] = []
    for _ in range(2):
        steps += [
            normflows.flows.AutoregressiveRationalQuadraticSpline(4, 2, 64),
            normflows.flows.LULinearPermute(4),
        ]
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(4), steps)


NETWORKS = {
    "MaskedAutoregressiveFlow": lambda: call(
        flows.MaskedAutoregressiveFlow(8, 64, 2, 2)._transform, floats(32, 8)
    ),
    "SimpleRealNVP": lambda: call(flows.SimpleRealNVP(8, 64, 2, 2)._transform, floats(32, 8)),
    "MADE-affine": lambda: call(
        CompositeTransform([MaskedAffineAutoregressiveTransform(8, 64), ReversePermutation(8), LULinear(8)]),
        floats(32, 8),
    ),
    "spline": lambda: call(
        MaskedPiecewiseRationalQuadraticAutoregressiveTransform(8, 64, tails="linear", tail_bound=3.0),
        floats(32, 8),
    ),
    "normflows-coupling": lambda: call(_coupled(), floats(32, 2)),
    "normflows-spline": lambda: call(_splined(), floats(32, 4)),
}
