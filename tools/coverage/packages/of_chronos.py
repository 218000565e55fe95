"""chronos: forecasting, of a small configuration."""

from __future__ import annotations

from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers import T5Config

from tools.coverage.specs import Made, call, floats

DISTRIBUTIONS = ("chronos-forecasting",)


def _bolt(width: int, layers: int, heads: int) -> Made:
    config = T5Config(
        d_model=width,
        d_ff=4 * width,
        d_kv=64,
        num_layers=layers,
        num_decoder_layers=layers,
        num_heads=heads,
        decoder_start_token_id=0,
        pad_token_id=0,
        chronos_config={
            "context_length": 512,
            "prediction_length": 64,
            "input_patch_size": 16,
            "input_patch_stride": 16,
            "quantiles": [0.1, 0.5, 0.9],
            "use_reg_token": True,
        },
    )
    return call(ChronosBoltModelForForecasting(config), floats(2, 512))


NETWORKS = {"bolt-tiny": lambda: _bolt(256, 4, 4), "bolt-small": lambda: _bolt(512, 6, 8)}
