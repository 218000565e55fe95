"""asteroid: separation of sources in sound."""

from __future__ import annotations

from asteroid import models

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("asteroid",)

NETWORKS = {
    "ConvTasNet": lambda: call(models.ConvTasNet(2), floats(1, 8000)),
    "DPRNNTasNet": lambda: call(models.DPRNNTasNet(2, n_repeats=2), floats(1, 8000)),
    "DPTNet": lambda: call(models.DPTNet(2, n_repeats=1), floats(1, 8000)),
    "LSTMTasNet": lambda: call(models.LSTMTasNet(2, hid_size=128), floats(1, 8000)),
    "SuDORMRFNet": lambda: call(models.SuDORMRFNet(2, bn_chan=64, num_blocks=2), floats(1, 8000)),
    "DeMask": lambda: call(models.DeMask(hidden_dims=(256,)), floats(1, 16000)),
    "DCUNet": lambda: call(models.DCUNet("DCUNet-10", fix_length_mode="pad"), floats(1, 16000)),
}
