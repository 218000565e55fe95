"""resnest: split attention."""

from __future__ import annotations

from resnest import torch as resnest

from tools.coverage.specs import call, image

DISTRIBUTIONS = ("resnest",)

NETWORKS = {
    "resnest50": lambda: call(resnest.resnest50(pretrained=False), image(224)),
    "resnest101": lambda: call(resnest.resnest101(pretrained=False), image(256)),
    "resnest200": lambda: call(resnest.resnest200(pretrained=False), image(320)),
    "resnest50_fast_1s1x64d": lambda: call(resnest.resnest50_fast_1s1x64d(pretrained=False), image(224)),
}
