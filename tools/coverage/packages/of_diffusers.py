"""diffusers: networks at their default configurations, or smaller where those are huge."""

from __future__ import annotations

import diffusers

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = ("diffusers",)

NETWORKS = {
    "UNet2DModel": lambda: call(diffusers.UNet2DModel(sample_size=64), floats(1, 3, 64, 64), 10),
    "UNet2DConditionModel": lambda: call(
        diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        floats(1, 4, 64, 64),
        10,
        floats(1, 77, 768),
    ),
    "UNet1DModel": lambda: call(
        diffusers.UNet1DModel(sample_size=65536, extra_in_channels=64), floats(1, 2, 65536), 10
    ),
    "UNet3DConditionModel": lambda: call(
        diffusers.UNet3DConditionModel(cross_attention_dim=1024),
        floats(1, 4, 4, 32, 32),
        10,
        floats(1, 77, 1024),
    ),
    "UNetMotionModel": lambda: call(
        diffusers.UNetMotionModel(cross_attention_dim=768), floats(1, 4, 8, 32, 32), 10, floats(8, 77, 768)
    ),
    "ControlNetModel": lambda: call(
        diffusers.ControlNetModel(cross_attention_dim=768),
        floats(1, 4, 64, 64),
        10,
        floats(1, 77, 768),
        floats(1, 3, 512, 512),
    ),
    "AutoencoderKL": lambda: call(diffusers.AutoencoderKL(), floats(1, 3, 64, 64)),
    "AutoencoderKL-stable": lambda: call(
        diffusers.AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
        ),
        floats(1, 3, 256, 256),
    ),
    "AutoencoderTiny": lambda: call(diffusers.AutoencoderTiny(), floats(1, 3, 256, 256)),
    "AsymmetricAutoencoderKL": lambda: call(diffusers.AsymmetricAutoencoderKL(), floats(1, 3, 64, 64)),
    "AutoencoderDC": lambda: call(diffusers.AutoencoderDC(), floats(1, 3, 64, 64)),
    "AutoencoderOobleck": lambda: call(diffusers.AutoencoderOobleck(), floats(1, 2, 4096)),
    "AutoencoderKLTemporalDecoder": lambda: call(
        diffusers.AutoencoderKLTemporalDecoder(), floats(2, 3, 64, 64), num_frames=2
    ),
    "AutoencoderKLCogVideoX": lambda: call(diffusers.AutoencoderKLCogVideoX(), floats(1, 3, 5, 64, 64)),
    "AutoencoderKLMochi": lambda: call(diffusers.AutoencoderKLMochi(), floats(1, 3, 7, 64, 64)),
    "AutoencoderKLWan": lambda: call(diffusers.AutoencoderKLWan(), floats(1, 3, 5, 64, 64)),
    "AutoencoderKLLTXVideo": lambda: call(diffusers.AutoencoderKLLTXVideo(), floats(1, 3, 9, 64, 64)),
    "VQModel": lambda: call(diffusers.VQModel(), floats(1, 3, 32, 32)),
    "Transformer2DModel": lambda: call(
        diffusers.Transformer2DModel(in_channels=64, cross_attention_dim=768),
        floats(1, 64, 32, 32),
        floats(1, 77, 768),
    ),
    "DiTTransformer2DModel": lambda: call(
        diffusers.DiTTransformer2DModel(), floats(1, 4, 32, 32), ids(1), ids(1)
    ),
    "PixArtTransformer2DModel": lambda: call(
        diffusers.PixArtTransformer2DModel(sample_size=64, caption_channels=4096),
        floats(1, 4, 64, 64),
        floats(1, 120, 4096),
        ids(1),
        {"resolution": None, "aspect_ratio": None},
    ),
    "SD3Transformer2DModel": lambda: call(
        diffusers.SD3Transformer2DModel(),
        floats(1, 16, 64, 64),
        floats(1, 77, 4096),
        floats(1, 2048),
        ids(1),
    ),
    "FluxTransformer2DModel": lambda: call(
        diffusers.FluxTransformer2DModel(num_layers=2, num_single_layers=4),
        hidden_states=floats(1, 256, 64),
        encoder_hidden_states=floats(1, 64, 4096),
        pooled_projections=floats(1, 768),
        timestep=floats(1),
        img_ids=floats(256, 3),
        txt_ids=floats(64, 3),
        guidance=None,
    ),
    "AuraFlowTransformer2DModel": lambda: call(
        diffusers.AuraFlowTransformer2DModel(), floats(1, 4, 64, 64), floats(1, 64, 2048), floats(1)
    ),
    "HunyuanDiT2DModel": lambda: call(
        diffusers.HunyuanDiT2DModel(
            attention_head_dim=72,
            in_channels=4,
            sample_size=32,
            patch_size=2,
            activation_fn="gelu-approximate",
            cross_attention_dim=1024,
        ),
        floats(1, 4, 32, 32),
        timestep=floats(1),
        encoder_hidden_states=floats(1, 77, 1024),
        text_embedding_mask=ids(1, 77),
        encoder_hidden_states_t5=floats(1, 256, 2048),
        text_embedding_mask_t5=ids(1, 256),
        image_meta_size=floats(1, 6),
        style=ids(1),
        image_rotary_emb=None,
    ),
    "SanaTransformer2DModel": lambda: call(
        diffusers.SanaTransformer2DModel(), floats(1, 32, 32, 32), floats(1, 64, 2304), ids(1)
    ),
    "CogVideoXTransformer3DModel": lambda: call(
        diffusers.CogVideoXTransformer3DModel(sample_frames=9),
        floats(1, 3, 16, 60, 90),
        floats(1, 226, 4096),
        ids(1),
    ),
    "WanTransformer3DModel": lambda: call(
        diffusers.WanTransformer3DModel(num_layers=4), floats(1, 16, 3, 32, 32), ids(1), floats(1, 64, 4096)
    ),
    "LTXVideoTransformer3DModel": lambda: call(
        diffusers.LTXVideoTransformer3DModel(),
        floats(1, 512, 128),
        floats(1, 64, 4096),
        ids(1),
        ids(1, 64),
        num_frames=2,
        height=16,
        width=16,
    ),
    "LatteTransformer3DModel": lambda: call(
        diffusers.LatteTransformer3DModel(
            sample_size=32,
            in_channels=4,
            caption_channels=768,
            cross_attention_dim=1408,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            patch_size=2,
            video_length=4,
        ),
        floats(1, 4, 4, 32, 32),
        ids(1),
        floats(1, 77, 768),
    ),
    "PriorTransformer": lambda: call(
        diffusers.PriorTransformer(), floats(1, 768), 10, floats(1, 768), floats(1, 77, 768)
    ),
    "StableAudioDiTModel": lambda: call(
        diffusers.StableAudioDiTModel(),
        floats(1, 64, 256),
        floats(1),
        floats(1, 128, 768),
        floats(1, 1, 1536),
        (floats(257, 32), floats(257, 32)),
    ),
    "T5FilmDecoder": lambda: call(
        diffusers.models.T5FilmDecoder(),
        [(floats(1, 64, 768), floats(1, 64))],
        floats(1, 256, 128),
        floats(1),
    ),
    "UVit2DModel": lambda: call(
        diffusers.UVit2DModel(), ids(1, 16, 16), floats(1, 77, 768), floats(1, 768), floats(1, 5)
    ),
    "Kandinsky3UNet": lambda: call(
        diffusers.Kandinsky3UNet(), floats(1, 4, 32, 32), 10, floats(1, 64, 4096), floats(1, 64)
    ),
}
