"""neuraloperator: networks that map functions to functions, with complex weights."""

from __future__ import annotations

from neuralop import models

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("neuraloperator",)

NETWORKS = {
    "FNO-1d": lambda: call(models.FNO((16,), 1, 1, 32), floats(1, 1, 128)),
    "FNO-2d": lambda: call(models.FNO((16, 16), 3, 1, 32), floats(1, 3, 64, 64)),
    "FNO-3d": lambda: call(models.FNO((8, 8, 8), 1, 1, 16), floats(1, 1, 32, 32, 32)),
    "TFNO": lambda: call(
        models.TFNO((16, 16), 3, 1, 32, factorization="tucker", rank=0.1), floats(1, 3, 64, 64)
    ),
    "UNO": lambda: call(
        models.UNO(
            3,
            1,
            32,
            uno_out_channels=[32, 64, 32],
            uno_n_modes=[[8, 8], [8, 8], [8, 8]],
            uno_scalings=[[1.0, 1.0], [0.5, 0.5], [2, 2]],
            n_layers=3,
            channel_mlp_skip="linear",
        ),
        floats(1, 3, 64, 64),
    ),
}
