"""lpips and piq: measures of likeness of images, as modules."""

from __future__ import annotations

import lpips
import piq

from tools.coverage.specs import call, image

DISTRIBUTIONS = ("lpips", "piq")

NETWORKS = {
    "LPIPS-alex": lambda: call(lpips.LPIPS(net="alex", pnet_rand=True, verbose=False), image(64), image(64)),
    "LPIPS-vgg": lambda: call(lpips.LPIPS(net="vgg", pnet_rand=True, verbose=False), image(64), image(64)),
    "LPIPS-squeeze": lambda: call(
        lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False), image(64), image(64)
    ),
    "SSIMLoss": lambda: call(piq.SSIMLoss(data_range=10.0), image(64), image(64)),
    "MultiScaleSSIMLoss": lambda: call(piq.MultiScaleSSIMLoss(data_range=10.0), image(192), image(192)),
    "GMSDLoss": lambda: call(piq.GMSDLoss(data_range=10.0), image(64), image(64)),
    "TVLoss": lambda: call(piq.TVLoss(), image(64)),
}
