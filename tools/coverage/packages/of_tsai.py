"""tsai: networks for series, of 3 variables and 128 steps."""

from __future__ import annotations

from functools import partial
from typing import Any

from tsai.models import all as models

from tools.coverage.specs import Made, call, floats

DISTRIBUTIONS = ("tsai",)

_LENGTH = 128
# Those that want to know the length of the series.
_WITH_LENGTH = (
    *(
        "TST",
        "TSTPlus",
        "TSiTPlus",
        "TSPerceiver",
        "TSSequencerPlus",
        "gMLP",
        "XCM",
        "XCMPlus",
        "mWDN",
        "MLP",
    ),
    *(
        "LSTM_FCN",
        "GRU_FCN",
        "MLSTM_FCN",
        "LSTMAttention",
        "GRUAttention",
        "TransformerRNNPlus",
        "ConvTranPlus",
    ),
)
_WITHOUT = (
    *(
        "FCN",
        "FCNPlus",
        "ResNet",
        "ResNetPlus",
        "ResCNN",
        "InceptionTime",
        "InceptionTimePlus",
        "XceptionTime",
    ),
    *("XceptionTimePlus", "RNN", "LSTM", "GRU", "LSTMPlus", "GRUPlus", "TCN"),
    *("TransformerModel", "xresnet1d18", "xresnet1d50"),
)
_OMNI = ("OmniScaleCNN",)


def _made(name: str, **options: Any) -> Made:
    network = getattr(models, name)(3, 5, **options)
    return call(network, floats(8, 3, _LENGTH))


NETWORKS = (
    {name: partial(_made, name) for name in _WITHOUT}
    | {name: partial(_made, name, seq_len=_LENGTH) for name in (*_WITH_LENGTH, *_OMNI)}
    | {"PatchTST": lambda: call(models.PatchTST(3, 5, seq_len=_LENGTH, pred_dim=16), floats(8, 3, _LENGTH))}
)
