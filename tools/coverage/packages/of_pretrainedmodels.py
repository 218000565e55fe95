"""pretrainedmodels: the networks that it has itself, without weights."""

from __future__ import annotations

from functools import partial

import pretrainedmodels

from tools.coverage.specs import Made, call, image

DISTRIBUTIONS = ("pretrainedmodels",)

_SIDES = {
    "nasnetalarge": 331,
    "pnasnet5large": 331,
    "polynet": 331,
    "inceptionv4": 299,
    "inceptionresnetv2": 299,
    "xception": 299,
}


def _made(name: str) -> Made:
    return call(
        pretrainedmodels.__dict__[name](num_classes=1000, pretrained=None), image(_SIDES.get(name, 224))
    )


_NAMES = (
    *(
        "nasnetalarge",
        "nasnetamobile",
        "pnasnet5large",
        "inceptionv4",
        "inceptionresnetv2",
        "xception",
        "bninception",
    ),
    *("dpn68", "dpn92", "dpn98", "dpn107", "dpn131", "resnext101_32x4d", "resnext101_64x4d", "polynet"),
    *("senet154", "se_resnet50", "se_resnet101", "se_resnet152", "se_resnext50_32x4d", "se_resnext101_32x4d"),
    *("fbresnet152", "cafferesnet101", "vgg11_bn", "resnet18", "alexnet", "squeezenet1_1", "densenet121"),
)
NETWORKS = {name: partial(_made, name) for name in _NAMES}
