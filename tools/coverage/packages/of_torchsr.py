"""torchsr: super-resolution by 2."""

from __future__ import annotations

from functools import partial

from torchsr import models

from tools.coverage.specs import Made, call, image

DISTRIBUTIONS = ("torchsr",)


def _made(name: str) -> Made:
    return call(getattr(models, name)(scale=2, pretrained=False), image(48))


_NAMES = ("edsr_baseline", "edsr", "carn", "carn_m", "ninasr_b0", "ninasr_b1", "rcan", "rdn", "vdsr")
NETWORKS = {name: partial(_made, name) for name in _NAMES}
