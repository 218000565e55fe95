"""Small networks of lucidrains' other packages."""

from __future__ import annotations

from denoising_diffusion_pytorch import Unet, Unet1D
from egnn_pytorch import EGNN, EGNN_Network
from linformer import Linformer, LinformerLM
from local_attention import LocalTransformer
from mlp_mixer_pytorch import MLPMixer
from perceiver_pytorch import Perceiver, PerceiverIO
from performer_pytorch import Performer, PerformerLM
from vector_quantize_pytorch import FSQ, LFQ, ResidualVQ, VectorQuantize

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = (
    "denoising-diffusion-pytorch",
    "egnn-pytorch",
    "linformer",
    "local-attention",
    "mlp-mixer-pytorch",
    "perceiver-pytorch",
    "performer-pytorch",
    "vector-quantize-pytorch",
)

NETWORKS = {
    "Unet": lambda: call(Unet(dim=64, dim_mults=(1, 2, 4)), floats(1, 3, 64, 64), ids(1)),
    "Unet-flash": lambda: call(
        Unet(dim=64, dim_mults=(1, 2, 4), flash_attn=True), floats(1, 3, 64, 64), ids(1)
    ),
    "Unet1D": lambda: call(Unet1D(dim=64, dim_mults=(1, 2, 4), channels=8), floats(1, 8, 128), ids(1)),
    "EGNN": lambda: call(EGNN(dim=64), floats(1, 16, 64), floats(1, 16, 3)),
    "EGNN_Network": lambda: call(
        EGNN_Network(num_tokens=21, dim=32, depth=2, num_nearest_neighbors=4), ids(1, 32), floats(1, 32, 3)
    ),
    "Linformer": lambda: call(Linformer(dim=128, seq_len=256, depth=2, heads=4, k=64), floats(1, 256, 128)),
    "LinformerLM": lambda: call(LinformerLM(num_tokens=1000, dim=128, seq_len=256, depth=2), ids(1, 256)),
    "LocalTransformer": lambda: call(
        LocalTransformer(num_tokens=256, dim=128, depth=2, max_seq_len=256, local_attn_window_size=64),
        ids(1, 256),
    ),
    "MLPMixer": lambda: call(
        MLPMixer(image_size=256, channels=3, patch_size=16, dim=128, depth=2, num_classes=1000),
        floats(1, 3, 256, 256),
    ),
    "Perceiver": lambda: call(
        Perceiver(
            num_freq_bands=6,
            max_freq=10.0,
            depth=2,
            input_channels=3,
            input_axis=2,
            num_latents=64,
            latent_dim=128,
            num_classes=10,
        ),
        floats(1, 64, 64, 3),
    ),
    "PerceiverIO": lambda: call(
        PerceiverIO(dim=32, queries_dim=32, logits_dim=100, depth=2, num_latents=64, latent_dim=128),
        floats(1, 256, 32),
        queries=floats(128, 32),
    ),
    "Performer": lambda: call(Performer(dim=128, depth=2, heads=4, dim_head=32), floats(1, 256, 128)),
    "PerformerLM": lambda: call(
        PerformerLM(num_tokens=1000, max_seq_len=256, dim=128, depth=2, heads=4, dim_head=32), ids(1, 256)
    ),
    "VectorQuantize": lambda: call(VectorQuantize(dim=64, codebook_size=256), floats(1, 128, 64)),
    "ResidualVQ": lambda: call(ResidualVQ(dim=64, num_quantizers=4, codebook_size=256), floats(1, 128, 64)),
    "FSQ": lambda: call(FSQ([8, 5, 5, 5], dim=64), floats(1, 128, 64)),
    "LFQ": lambda: call(LFQ(codebook_size=256, dim=16), floats(1, 16, 8, 8)),
}
