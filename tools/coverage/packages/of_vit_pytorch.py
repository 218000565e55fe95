"""vit-pytorch: its kinds of vision transformers, small."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

from tools.coverage.specs import Made, call, floats, image

DISTRIBUTIONS = ("vit-pytorch",)

_SMALL: dict[str, Any] = {
    "image_size": 256,
    "patch_size": 32,
    "num_classes": 1000,
    "dim": 256,
    "depth": 2,
    "heads": 4,
    "mlp_dim": 512,
}
_NO_MLP = {key: value for key, value in _SMALL.items() if key != "mlp_dim"}
_VIDEO = {
    **_SMALL,
    "image_size": 64,
    "image_patch_size": 16,
    "frames": 8,
    "frame_patch_size": 2,
    "channels": 3,
}
_VIDEO.pop("patch_size")


def _made(module: str, network: str, options: dict[str, Any], given: Any = None) -> Made:
    kind = getattr(importlib.import_module(f"vit_pytorch.{module}"), network)
    return call(kind(**options), given or image(options.get("image_size", 256)))


_PLAIN = {
    "ViT": "vit",
    "SimpleViT": "simple_vit",
    "DeepViT": "deepvit",
    "ViT-parallel": "parallel_vit",
    "ViT-small-dataset": "vit_for_small_dataset",
    "ViT-patch-dropout": "vit_with_patch_dropout",
    "ViT-patch-merger": "vit_with_patch_merger",
    "ViT-learnable-memory": "learnable_memory_vit",
    "SimpleViT-fft": "simple_vit_with_fft",
    "SimpleViT-flash": "simple_flash_attn_vit",
    "SimpleViT-qk-norm": "simple_vit_with_qk_norm",
    "SimpleViT-registers": "simple_vit_with_register_tokens",
    "SimpleViT-hyper-connections": "simple_vit_with_hyper_connections",
    "SimpleViT-value-residual": "simple_vit_with_value_residual",
}
_FFT = {"SimpleViT-fft": {"freq_patch_size": 32}, "SimpleViT-hyper-connections": {"num_residual_streams": 4}}

NETWORKS = {
    name: partial(_made, module, name.partition("-")[0], {**_SMALL, **_FFT.get(name, {})})
    for name, module in _PLAIN.items()
} | {
    "CaiT": partial(_made, "cait", "CaiT", {**_SMALL, "cls_depth": 2}),
    "NViT": partial(_made, "normalized_vit", "nViT", _SMALL),
    "CCT": partial(
        _made,
        "cct",
        "CCT",
        {"img_size": 224, "embedding_dim": 256, "num_layers": 2, "num_heads": 4},
        image(224),
    ),
    "CvT": partial(_made, "cvt", "CvT", {"num_classes": 1000}),
    "CrossViT": partial(
        _made,
        "cross_vit",
        "CrossViT",
        {"image_size": 240, "num_classes": 1000, "depth": 2, "sm_dim": 96, "lg_dim": 192},
    ),
    "CrossFormer": partial(_made, "crossformer", "CrossFormer", {}, image(224)),
    "LeViT": partial(
        _made,
        "levit",
        "LeViT",
        {
            "image_size": 224,
            "num_classes": 1000,
            "stages": 3,
            "dim": (256, 384, 512),
            "depth": 2,
            "heads": (4, 6, 8),
            "mlp_mult": 2,
        },
    ),
    "MaxViT": partial(
        _made,
        "max_vit",
        "MaxViT",
        {"num_classes": 1000, "dim": 64, "depth": (2, 2), "window_size": 7},
        image(224),
    ),
    "MobileViT": partial(
        _made,
        "mobile_vit",
        "MobileViT",
        {
            "image_size": (256, 256),
            "dims": [96, 120, 144],
            "channels": [16, 32, 48, 48, 64, 64, 80, 80, 96, 96, 384],
            "num_classes": 1000,
        },
        image(256),
    ),
    "NesT": partial(
        _made,
        "nest",
        "NesT",
        {
            "image_size": 224,
            "patch_size": 4,
            "dim": 96,
            "heads": 3,
            "num_hierarchies": 3,
            "block_repeats": (2, 2, 2),
            "num_classes": 1000,
        },
    ),
    "PiT": partial(_made, "pit", "PiT", {**_SMALL, "image_size": 224, "patch_size": 14, "depth": (2, 2)}),
    "RegionViT": partial(_made, "regionvit", "RegionViT", {}, image(224)),
    "RvT": partial(_made, "rvt", "RvT", _SMALL),
    "ScalableViT": partial(
        _made,
        "scalable_vit",
        "ScalableViT",
        {
            "num_classes": 1000,
            "dim": 64,
            "heads": (2, 4),
            "depth": (1, 1),
            "ssa_dim_key": (40, 40),
            "reduction_factor": (8, 4),
            "window_size": (64, 32),
            "dropout": 0.0,
        },
    ),
    "SepViT": partial(
        _made,
        "sep_vit",
        "SepViT",
        {"num_classes": 1000, "dim": 32, "dim_head": 32, "heads": (1, 2), "depth": (1, 1), "window_size": 7},
        image(224),
    ),
    "T2TViT": partial(
        _made,
        "t2t",
        "T2TViT",
        {"dim": 256, "image_size": 224, "depth": 2, "heads": 4, "mlp_dim": 512, "num_classes": 1000},
    ),
    "TwinsSVT": partial(_made, "twins_svt", "TwinsSVT", {"num_classes": 1000}, image(224)),
    "XCiT": partial(_made, "xcit", "XCiT", {**_SMALL, "cls_depth": 2}),
    "ViT-3d": partial(_made, "vit_3d", "ViT", _VIDEO, floats(1, 3, 8, 64, 64)),
    "SimpleViT-3d": partial(_made, "simple_vit_3d", "SimpleViT", _VIDEO, floats(1, 3, 8, 64, 64)),
    "ViViT": partial(
        _made,
        "vivit",
        "ViViT",
        {**{k: v for k, v in _VIDEO.items() if k != "depth"}, "spatial_depth": 2, "temporal_depth": 2},
        floats(1, 3, 8, 64, 64),
    ),
    "ViT-1d": partial(
        _made,
        "vit_1d",
        "ViT",
        {
            "seq_len": 256,
            "patch_size": 16,
            "num_classes": 10,
            "dim": 128,
            "depth": 2,
            "heads": 4,
            "mlp_dim": 256,
        },
        floats(1, 3, 256),
    ),
    "ATS-ViT": partial(_made, "ats_vit", "ViT", {**_SMALL, "max_tokens_per_depth": (32, 16)}),
}
