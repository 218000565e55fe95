"""pykan: Kolmogorov-Arnold networks, and a perceptron beside them."""

from __future__ import annotations

from kan import KAN
from kan.MLP import MLP

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("pykan",)

NETWORKS = {
    "KAN": lambda: call(KAN(width=[2, 5, 1], grid=5, k=3, auto_save=False), floats(64, 2)),
    "KAN-multiplications": lambda: call(
        KAN(width=[2, [3, 2], 1], grid=5, k=3, auto_save=False), floats(64, 2)
    ),
    "KAN-splines": lambda: call(
        KAN(width=[4, 8, 1], grid=10, k=3, auto_save=False, symbolic_enabled=False), floats(64, 4)
    ),
    "MLP": lambda: call(MLP([2, 5, 1]), floats(64, 2)),
}
