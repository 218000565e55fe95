"""The networks that predictions of memory are held against, with real weights.

Whole ones of torchvision and timm, small configurations of transformers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import torch


class Network(NamedTuple):
    """A network to be built.

    build:
        the module, with random weights.
    make:
        its arguments for a batch.
    """

    build: Callable[[], torch.nn.Module]
    make: Callable[[int], tuple[tuple[Any, ...], dict[str, Any]]]


def _image(side: int, batch: int, channels: int = 3) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (torch.rand(batch, channels, side, side),), {}


def _torchvision(name: str, side: int = 64, **options: Any) -> Network:
    def build() -> torch.nn.Module:
        import torchvision

        made: torch.nn.Module = torchvision.models.get_model(name, weights=None, **options)
        return made

    return Network(build, functools.partial(_image, side))


def _timm(name: str, side: int | None = None, **options: Any) -> Network:
    def build() -> torch.nn.Module:
        import timm

        made: torch.nn.Module = timm.create_model(name, pretrained=False, **options)
        return made

    return Network(build, functools.partial(_image, side or 224))


def _ids(batch: int, length: int = 32, labels: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
    ids = torch.randint(3, 90, (batch, length))
    return (), {"input_ids": ids, "labels": ids.clone()} if labels else {"input_ids": ids}


_SMALL: Final[dict[str, Any]] = {
    "vocab_size": 100,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
}


def _hf(name: str, config: str, make: Callable[[int], Any] = _ids, **options: Any) -> Network:
    def build() -> torch.nn.Module:
        import transformers

        return getattr(transformers, name)(getattr(transformers, config)(**options))  # type: ignore[no-any-return]

    return Network(build, make)


def _seq2seq(batch: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    ids = torch.randint(3, 90, (batch, 24))
    return (), {"input_ids": ids, "labels": torch.randint(3, 90, (batch, 12))}


def _sound(batch: int, length: int = 4000) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (torch.randn(batch, length),), {}


def _spectrogram(batch: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (), {"input_features": torch.randn(batch, 80, 200), "labels": torch.randint(3, 90, (batch, 12))}


def _clip(batch: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    pictures = torch.rand(batch, 3, 32, 32)
    return (), {"input_ids": torch.randint(3, 90, (batch, 16)), "pixel_values": pictures, "return_loss": True}


def _detection(batch: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    images = [torch.rand(3, 96, 128) for _ in range(batch)]
    targets = [
        {"boxes": torch.tensor([[4.0, 4.0, 60.0, 60.0]]), "labels": torch.tensor([1])} for _ in range(batch)
    ]
    return (images, targets), {}


_MOE: Final[dict[str, Any]] = {"num_key_value_heads": 2, "max_position_embeddings": 128}

NETWORKS: Final[dict[str, Network]] = {
    "torchvision/alexnet": _torchvision("alexnet", 96),
    "torchvision/vgg11_bn": _torchvision("vgg11_bn"),
    "torchvision/resnet18": _torchvision("resnet18"),
    "torchvision/resnet50": _torchvision("resnet50"),
    "torchvision/densenet121": _torchvision("densenet121"),
    "torchvision/mobilenet_v2": _torchvision("mobilenet_v2"),
    "torchvision/mobilenet_v3_small": _torchvision("mobilenet_v3_small"),
    "torchvision/efficientnet_b0": _torchvision("efficientnet_b0"),
    "torchvision/efficientnet_v2_s": _torchvision("efficientnet_v2_s"),
    "torchvision/googlenet": _torchvision("googlenet", 96, init_weights=False),
    "torchvision/inception_v3": _torchvision("inception_v3", 299, init_weights=False),
    "torchvision/convnext_tiny": _torchvision("convnext_tiny"),
    "torchvision/swin_t": _torchvision("swin_t"),
    "torchvision/swin_v2_t": _torchvision("swin_v2_t"),
    "torchvision/vit_b_16": _torchvision("vit_b_16", 224),
    "torchvision/maxvit_t": _torchvision("maxvit_t", 224),
    "torchvision/regnet_y_400mf": _torchvision("regnet_y_400mf"),
    "torchvision/shufflenet_v2_x1_0": _torchvision("shufflenet_v2_x1_0"),
    "torchvision/squeezenet1_1": _torchvision("squeezenet1_1"),
    "torchvision/mnasnet1_0": _torchvision("mnasnet1_0"),
    "torchvision/fcn_resnet50": _torchvision("fcn_resnet50", weights_backbone=None, aux_loss=True),
    "torchvision/deeplabv3_mobilenet_v3_large": _torchvision(
        "deeplabv3_mobilenet_v3_large", weights_backbone=None
    ),
    "torchvision/ssdlite320_mobilenet_v3_large": _torchvision(
        "ssdlite320_mobilenet_v3_large", weights_backbone=None
    )._replace(make=_detection),
    "torchvision/r3d_18": _torchvision("r3d_18")._replace(
        make=lambda batch: ((torch.rand(batch, 3, 4, 32, 32),), {})
    ),
    "timm/mixer_s32_224": _timm("mixer_s32_224"),
    "timm/resmlp_12_224": _timm("resmlp_12_224"),
    "timm/beit_base_patch16_224": _timm("beit_base_patch16_224", depth=3),
    "timm/coatnet_0_224": _timm("coatnet_0_224"),
    "timm/nfnet_l0": _timm("nfnet_l0", 96),
    "timm/levit_128s": _timm("levit_128s"),
    "timm/edgenext_xx_small": _timm("edgenext_xx_small", 96),
    "timm/poolformer_s12": _timm("poolformer_s12", 96),
    "timm/xcit_nano_12_p16_224": _timm("xcit_nano_12_p16_224"),
    "timm/hrnet_w18_small": _timm("hrnet_w18_small", 96),
    "timm/ghostnet_100": _timm("ghostnet_100", 96),
    "timm/rexnet_100": _timm("rexnet_100", 96),
    "timm/mobilevit_xxs": _timm("mobilevit_xxs", 128),
    "timm/deit3_small_patch16_224": _timm("deit3_small_patch16_224", depth=3),
    "timm/repvgg_a0": _timm("repvgg_a0", 96),
    "timm/gmlp_ti16_224": _timm("gmlp_ti16_224"),
    "timm/twins_svt_small": _timm("twins_svt_small"),
    "timm/efficientformer_l1": _timm("efficientformer_l1"),
    "timm/eva02_tiny_patch14_224": _timm("eva02_tiny_patch14_224", depth=3),
    "hf/bert": _hf("BertForMaskedLM", "BertConfig", **_SMALL),
    "hf/gpt2": _hf(
        "GPT2LMHeadModel", "GPT2Config", vocab_size=100, n_embd=64, n_layer=2, n_head=4, n_positions=64
    ),
    "hf/llama": _hf("LlamaForCausalLM", "LlamaConfig", functools.partial(_ids, labels=True), **_SMALL),
    "hf/mistral": _hf(
        "MistralForCausalLM", "MistralConfig", sliding_window=8, num_key_value_heads=2, **_SMALL
    ),
    "hf/t5": _hf(
        "T5ForConditionalGeneration",
        "T5Config",
        _seq2seq,
        vocab_size=100,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,
    ),
    "hf/whisper": _hf(
        "WhisperForConditionalGeneration",
        "WhisperConfig",
        _spectrogram,
        vocab_size=100,
        d_model=64,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=128,
        decoder_ffn_dim=128,
        max_source_positions=100,
        max_target_positions=32,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    ),
    "hf/vit": _hf(
        "ViTForImageClassification",
        "ViTConfig",
        functools.partial(_image, 32),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        image_size=32,
        patch_size=8,
    ),
    "hf/wav2vec2": _hf(
        "Wav2Vec2Model",
        "Wav2Vec2Config",
        _sound,
        conv_dim=(32, 32, 32),
        conv_kernel=(10, 3, 3),
        conv_stride=(5, 2, 2),
        num_feat_extract_layers=3,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        mask_time_prob=0.0,
        layerdrop=0.0,
        **{**_SMALL, "vocab_size": 32},
    ),
    "hf/mamba": _hf("MambaForCausalLM", "MambaConfig", vocab_size=100, hidden_size=64, num_hidden_layers=2),
    "hf/mixtral": _hf("MixtralForCausalLM", "MixtralConfig", num_local_experts=4, **_MOE, **_SMALL),
    "hf/qwen3_moe": _hf(
        "Qwen3MoeForCausalLM",
        "Qwen3MoeConfig",
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        head_dim=16,
        **_MOE,
        **_SMALL,
    ),
    "hf/deepseek_v3": _hf(
        "DeepseekV3ForCausalLM",
        "DeepseekV3Config",
        n_routed_experts=8,
        num_experts_per_tok=2,
        n_group=2,
        topk_group=1,
        moe_intermediate_size=32,
        kv_lora_rank=16,
        q_lora_rank=24,
        qk_rope_head_dim=8,
        qk_nope_head_dim=8,
        v_head_dim=16,
        first_k_dense_replace=1,
        num_key_value_heads=4,
        max_position_embeddings=128,
        **_SMALL,
    ),
    "hf/deberta_v2": _hf(
        "DebertaV2ForMaskedLM",
        "DebertaV2Config",
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        position_buckets=8,
        **_SMALL,
    ),
    "hf/gemma3_text": _hf(
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        head_dim=16,
        num_key_value_heads=2,
        sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=128,
        **_SMALL,
    ),
    "hf/clip": _hf(
        "CLIPModel",
        "CLIPConfig",
        _clip,
        text_config={**_SMALL, "max_position_embeddings": 32},
        vision_config={
            **{k: v for k, v in _SMALL.items() if k != "vocab_size"},
            "image_size": 32,
            "patch_size": 8,
        },
    ),
    "hf/gpt_neox": _hf("GPTNeoXForCausalLM", "GPTNeoXConfig", **_SMALL),
    "hf/opt": _hf(
        "OPTForCausalLM",
        "OPTConfig",
        ffn_dim=128,
        word_embed_proj_dim=64,
        max_position_embeddings=64,
        **{k: v for k, v in _SMALL.items() if k != "intermediate_size"},
    ),
}


def at_size(network: Network, side: int | None) -> Network:
    """The same, on images of that side."""
    return network if side is None else network._replace(make=functools.partial(_image, side))
