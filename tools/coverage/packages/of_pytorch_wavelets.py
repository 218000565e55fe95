"""pytorch_wavelets: transforms as networks of convolutions."""

from __future__ import annotations

from pytorch_wavelets import DTCWTForward, DWT1DForward, DWTForward, ScatLayer

from tools.coverage.specs import call, floats, image

DISTRIBUTIONS = ("pytorch-wavelets",)

NETWORKS = {
    "DWTForward": lambda: call(DWTForward(J=3, wave="db3", mode="zero"), image(64)),
    "DWT1DForward": lambda: call(DWT1DForward(J=3, wave="db3", mode="zero"), floats(1, 3, 128)),
    "DTCWTForward": lambda: call(DTCWTForward(J=3), image(64)),
    "ScatLayer": lambda: call(ScatLayer(), image(64)),
}
