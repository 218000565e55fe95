"""lpips and piq: measures of likeness of images, as modules."""

from __future__ import annotations

import lpips
import piq
import torch

from tools.coverage.specs import call, image

DISTRIBUTIONS = ("lpips", "piq")


def _values(side: int) -> torch.Tensor:
    """An image of values from 0 to 1, which it asks for."""
    return torch.rand(1, 3, side, side)


NETWORKS = {
    "LPIPS-alex": lambda: call(lpips.LPIPS(net="alex", pnet_rand=True, verbose=False), image(64), image(64)),
    "LPIPS-vgg": lambda: call(lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False), image(64), image(64)),
    "LPIPS-squeeze": lambda: call(
        lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False), image(64), image(64)
    ),
    "SSIMLoss": lambda: call(piq.SSIMLoss(), _values(64), _values(64)),
    "MultiScaleSSIMLoss": lambda: call(piq.MultiScaleSSIMLoss(), _values(192), _values(192)),
    "GMSDLoss": lambda: call(piq.GMSDLoss(), _values(64), _values(64)),
    "TVLoss": lambda: call(piq.TVLoss(), _values(64)),
}
