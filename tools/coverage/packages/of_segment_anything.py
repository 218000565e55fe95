"""segment_anything: image encoders of all sizes, and the decoder of masks."""

from __future__ import annotations

from segment_anything import sam_model_registry

from tools.coverage.specs import call, floats, image

DISTRIBUTIONS = ("segment-anything",)

NETWORKS = {
    "encoder-vit_b": lambda: call(sam_model_registry["vit_b"]().image_encoder, image(1024)),
    "encoder-vit_l": lambda: call(sam_model_registry["vit_l"]().image_encoder, image(1024)),
    "encoder-vit_h": lambda: call(sam_model_registry["vit_h"]().image_encoder, image(1024)),
    "mask decoder": lambda: call(
        sam_model_registry["vit_b"]().mask_decoder,
        floats(1, 256, 64, 64),
        floats(1, 256, 64, 64),
        floats(1, 2, 256),
        floats(1, 256, 64, 64),
        True,
    ),
}
