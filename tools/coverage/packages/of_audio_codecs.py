"""encodec and vocos: neural codecs of sound."""

from __future__ import annotations

from encodec import EncodecModel
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("encodec", "vocos")

NETWORKS = {
    "encodec_24khz": lambda: call(EncodecModel.encodec_model_24khz(pretrained=False), floats(1, 1, 24000)),
    "encodec_48khz": lambda: call(EncodecModel.encodec_model_48khz(pretrained=False), floats(1, 2, 48000)),
    "vocos backbone": lambda: call(VocosBackbone(100, 512, 1536, 8), floats(1, 100, 128)),
    "vocos head": lambda: call(ISTFTHead(512, 1024, 256), floats(1, 128, 512)),
}
