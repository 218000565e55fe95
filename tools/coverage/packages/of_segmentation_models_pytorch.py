"""segmentation_models_pytorch: each decoder over encoders of several kinds."""

from __future__ import annotations

from functools import partial

import segmentation_models_pytorch as smp

from tools.coverage.specs import Made, call, image

DISTRIBUTIONS = ("segmentation-models-pytorch",)

_ENCODERS = (
    "resnet34",
    "efficientnet-b0",
    "mobilenet_v2",
    "mit_b0",
    "vgg11_bn",
    "densenet121",
    "dpn68",
    "xception",
)
# Decoders that do not take encoders with other strides.
_DILATED = {"DeepLabV3", "DeepLabV3Plus", "PAN"}
_ODD = {"vgg11_bn", "mit_b0", "densenet121", "dpn68", "xception"}
_NESTED = {"UnetPlusPlus", "Linknet"}


def _made(decoder: str, encoder: str) -> Made:
    network = getattr(smp, decoder)(encoder, encoder_weights=None)
    return call(network, image(256))


def _fits(decoder: str, encoder: str) -> bool:
    return not (decoder in _DILATED and encoder in _ODD) and not (decoder in _NESTED and encoder == "mit_b0")


_DECODERS = (
    *("Unet", "UnetPlusPlus", "MAnet", "Linknet", "FPN", "PSPNet", "PAN", "DeepLabV3", "DeepLabV3Plus"),
    *("UPerNet", "Segformer"),
)
NETWORKS = {
    f"{decoder}-{encoder}": partial(_made, decoder, encoder)
    for decoder in _DECODERS
    for encoder in _ENCODERS
    if _fits(decoder, encoder)
} | {
    "DPT-vit": lambda: call(smp.DPT("tu-vit_base_patch16_224.augreg_in21k", encoder_weights=None), image(224))
}
