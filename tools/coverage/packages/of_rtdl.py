"""rtdl_revisiting_models: perceptrons, ResNets and transformers for tables."""

from __future__ import annotations

from rtdl_revisiting_models import MLP, FTTransformer, ResNet

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = ("rtdl-revisiting-models",)

NETWORKS = {
    "MLP": lambda: call(MLP(d_in=16, d_out=1, n_blocks=3, d_block=128, dropout=0.1), floats(32, 16)),
    "ResNet": lambda: call(
        ResNet(
            d_in=16,
            d_out=1,
            n_blocks=2,
            d_block=192,
            d_hidden=None,
            d_hidden_multiplier=2.0,
            dropout1=0.1,
            dropout2=0.0,
        ),
        floats(32, 16),
    ),
    "FTTransformer": lambda: call(
        FTTransformer(
            n_cont_features=12, cat_cardinalities=[9, 9], d_out=1, **FTTransformer.get_default_kwargs()
        ),
        floats(32, 12),
        ids(32, 2),
    ),
    "FTTransformer-linear": lambda: call(
        FTTransformer(
            n_cont_features=12,
            cat_cardinalities=[],
            d_out=1,
            linformer_kv_compression_ratio=0.2,
            linformer_kv_compression_sharing="headwise",
            **FTTransformer.get_default_kwargs(),
        ),
        floats(32, 12),
        None,
    ),
}
