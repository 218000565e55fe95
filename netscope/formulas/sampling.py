"""Resizing and sampling between pixels, windows taken apart and put together.

Interpolating at a point weighs its neighbours; the weights of a fixed grid are counted with the
products (w * x), those of a resize are made once per row and column and are not. Nearest neighbours
are moved, not computed, and stand in movement.py.
"""

from __future__ import annotations

import math
from typing import Final

from netscope.base.cost import Cost, VectorOps
from netscope.formulas.registry import arg, formula, ops, output, packet_of, product, tensor
from netscope.trace.facts import Operator

# Interpolating along one axis weighs two values (2 mul, 1 add); each further axis does that for two
# results of the axes before: d axes take 2^(d+1) - 2 mul and 2^d - 1 add. Cubic weighs four.
LINEAR: Final = {1: VectorOps(mul=2, add=1), 2: VectorOps(mul=6, add=3), 3: VectorOps(mul=14, add=7)}
CUBIC: Final = VectorOps(mul=20, add=15)

_RESIZES: Final[dict[str, VectorOps]] = {
    "upsample_linear1d": LINEAR[1],
    "upsample_bilinear2d": LINEAR[2],
    "upsample_trilinear3d": LINEAR[3],
    "upsample_bicubic2d": CUBIC,
}


@formula(*(f"aten.{name}" for name in _RESIZES))
def resize(op: Operator) -> Cost:
    """The weighing above, per output element."""
    return ops(_RESIZES[packet_of(op)] * output(op).numel)


# Half the width of the filter, in output pixels.
_SUPPORT: Final = {"bilinear": 1, "bicubic": 2, "lanczos": 3}


@formula("aten._upsample_bilinear2d_aa", "aten._upsample_bicubic2d_aa", "aten._upsample_lanczos2d_aa")
def antialiased_resize(op: Operator) -> Cost:
    """See `antialiased_ops`."""
    return ops(antialiased_ops(packet_of(op), tensor(op, 0, "input").shape, output(op).shape))


def antialiased_ops(packet: str, before: tuple[int, ...], after: tuple[int, ...]) -> VectorOps:
    """Columns first, then rows, each output weighing the inputs under its filter.

    Shrinking by s widens the filter s times, so an output weighs 2 * support * max(s, 1) inputs of its
    line, rounded up, and never more than the line has.
    """
    support = next(reach for kind, reach in _SUPPORT.items() if kind in packet)
    (height, width), (rows, columns) = before[-2:], after[-2:]
    planes = product(after[:-2])

    def line(size: int, new: int) -> VectorOps:
        taps = min(math.ceil(2 * support * max(size / new, 1.0)), size)
        return VectorOps(mul=taps, add=taps - 1)

    if not product(after):
        return VectorOps()
    horizontal = line(width, columns) * (planes * height * columns)
    return horizontal + line(height, rows) * (planes * rows * columns)


@formula("aten.grid_sampler_2d", "aten._grid_sampler_2d_cpu_fallback", "aten.grid_sampler_3d")
def grid_sampler(op: Operator) -> Cost:
    """(input, grid, interpolation_mode, padding_mode, align_corners).

    Per point, once for all channels: each coordinate is scaled to pixels ((x + 1) * size / 2: add,
    mul, div) and rounded down (cmp), its distances to both neighbours are taken (2 add), and the
    corner weights are products of d distances. Per point and channel: every corner is weighed and
    summed. Nearest (mode 1) only scales and rounds; cubic (mode 2) makes 4 weights per axis from
    third-degree polynomials (3 mul, 3 add each) and weighs 16 neighbours line by line.
    """
    x, out = tensor(op, 0, "input"), output(op)
    dims = len(x.shape) - 2
    points = product(out.shape[:1]) * product(out.shape[2:])
    mode = int(arg(op, 2, "interpolation_mode", 0))
    scaled = VectorOps(add=1, mul=1, div=1, cmp=1) * (dims * points)
    if mode == 1:
        return ops(scaled)
    if mode == 2:
        return ops(scaled, VectorOps(add=1 + 12, mul=12) * (dims * points), CUBIC * out.numel)
    corners = 2**dims
    weights = VectorOps(add=2 * dims, mul=corners * (dims - 1)) * points
    return ops(scaled, weights, VectorOps(mul=corners, add=corners - 1) * out.numel)


@formula("aten.affine_grid_generator")
def affine_grid(op: Operator) -> Cost:
    """Every point's d coordinates are a (d+1)-vector times theta: a contraction of inner size d+1."""
    out = output(op)
    return Cost("contraction", macs=out.numel * (out.shape[-1] + 1))


@formula("aten.col2im")
def col2im(op: Operator) -> Cost:
    """Overlapping windows are summed: an addition per element put back."""
    return ops(VectorOps(add=tensor(op, 0, "self").numel))
