"""x-transformers: small decoders with its many variants."""

from __future__ import annotations

from functools import partial
from typing import Any

import x_transformers as xt

from tools.coverage.specs import Made, call, floats, ids, image

DISTRIBUTIONS = ("x-transformers",)


def _decoder(**options: Any) -> Made:
    layers = xt.Decoder(dim=128, depth=2, heads=4, **options)
    return call(xt.TransformerWrapper(num_tokens=1000, max_seq_len=128, attn_layers=layers), ids(1, 128))


_VARIANTS: dict[str, dict[str, Any]] = {
    "decoder": {},
    "rotary": {"rotary_pos_emb": True},
    "alibi": {"alibi_pos_bias": True, "alibi_num_heads": 2},
    "t5 bias": {"rel_pos_bias": True},
    "glu": {"ff_glu": True, "ff_swish": True},
    "rmsnorm": {"use_rmsnorm": True},
    "scalenorm": {"use_scalenorm": True},
    "one kv head": {"attn_one_kv_head": True},
    "gqa": {"attn_kv_heads": 2},
    "talking heads": {"attn_pre_talking_heads": True},
    "flash": {"attn_flash": True},
    "sandwich": {"sandwich_coef": 1},
    "macaron": {"macaron": True},
    "memory kv": {"attn_num_mem_kv": 8},
    "qk norm": {"attn_qk_norm": True},
    "shift tokens": {"shift_tokens": 1},
    "deepnorm": {"pre_norm": False, "scale_residual": True},
    "gate residual": {"gate_residual": True},
    "sparse topk": {"attn_sparse_topk": 8},
    "hyper connections": {"num_residual_streams": 4},
}

NETWORKS = {name: partial(_decoder, **options) for name, options in _VARIANTS.items()} | {
    "encoder": lambda: call(
        xt.TransformerWrapper(
            num_tokens=1000, max_seq_len=128, attn_layers=xt.Encoder(dim=128, depth=2, heads=4)
        ),
        ids(1, 128),
    ),
    "vit": lambda: call(
        xt.ViTransformerWrapper(
            image_size=224, patch_size=32, num_classes=1000, attn_layers=xt.Encoder(dim=128, depth=2, heads=4)
        ),
        image(224),
    ),
    "continuous": lambda: call(
        xt.ContinuousTransformerWrapper(
            dim_in=32, dim_out=100, max_seq_len=128, attn_layers=xt.Encoder(dim=128, depth=2, heads=4)
        ),
        floats(1, 128, 32),
    ),
    "seq2seq": lambda: call(
        xt.XTransformer(
            dim=128,
            enc_num_tokens=256,
            enc_depth=2,
            enc_heads=4,
            enc_max_seq_len=64,
            dec_num_tokens=256,
            dec_depth=2,
            dec_heads=4,
            dec_max_seq_len=64,
        ),
        ids(1, 64),
        ids(1, 64),
    ),
    "autoregressive loss": lambda: call(
        xt.AutoregressiveWrapper(
            xt.TransformerWrapper(
                num_tokens=256, max_seq_len=64, attn_layers=xt.Decoder(dim=64, depth=2, heads=2)
            )
        ),
        ids(1, 64),
    ),
}
