"""kornia: detectors, descriptors and matchers of local features, and its vision networks."""

from __future__ import annotations

import kornia
import torch
from kornia import feature

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("kornia",)

_GREY = floats(1, 1, 240, 320)
_PATCHES = floats(8, 1, 32, 32)

NETWORKS = {
    "HardNet": lambda: call(feature.HardNet(pretrained=False), _PATCHES),
    "HardNet8": lambda: call(feature.HardNet8(pretrained=False), _PATCHES),
    "HyNet": lambda: call(feature.HyNet(pretrained=False), _PATCHES),
    "TFeat": lambda: call(feature.TFeat(pretrained=False), _PATCHES),
    "SOSNet": lambda: call(feature.SOSNet(pretrained=False), _PATCHES),
    "MKDDescriptor": lambda: call(feature.MKDDescriptor(whitening=None), _PATCHES),
    "SIFTDescriptor": lambda: call(feature.SIFTDescriptor(32), _PATCHES),
    "OriNet": lambda: call(feature.OriNet(pretrained=False), _PATCHES),
    "LAFAffNetShapeEstimator": lambda: call(
        feature.LAFAffNetShapeEstimator(pretrained=False), torch.rand(1, 8, 2, 3), torch.rand(1, 1, 64, 64)
    ),
    "KeyNet": lambda: call(feature.KeyNet(pretrained=False), _GREY),
    "LoFTR": lambda: call(
        feature.LoFTR(pretrained=None),
        {"image0": torch.rand(1, 1, 128, 128), "image1": torch.rand(1, 1, 128, 128)},
    ),
    "DISK": lambda: call(feature.DISK(), floats(1, 3, 128, 128)),
    "SOLD2_detector": lambda: call(feature.SOLD2_detector(pretrained=False), floats(1, 1, 128, 128)),
    "DeFMO": lambda: call(feature.DeFMO(pretrained=False), floats(1, 6, 64, 64)),
    "LightGlue": lambda: call(
        feature.LightGlue(features=None, weights=None, input_dim=128),
        {
            part: {
                "keypoints": torch.rand(1, 64, 2),
                "descriptors": torch.rand(1, 64, 128),
                "image_size": torch.tensor([[128, 128]]),
            }
            for part in ("image0", "image1")
        },
    ),
    "Canny": lambda: call(kornia.filters.Canny(), _GREY),
    "Sobel": lambda: call(kornia.filters.Sobel(), _GREY),
    "GaussianBlur2d": lambda: call(kornia.filters.GaussianBlur2d((5, 5), (1.0, 1.0)), _GREY),
    "SSIMLoss": lambda: call(kornia.losses.SSIMLoss(11), floats(1, 3, 64, 64), floats(1, 3, 64, 64)),
}
