"""Convolutions, forwards and transposed.

With input side n, kernel k, stride s, dilation d and padding p on both ends, the output side is

    convolution   floor((n + 2p - d(k - 1) - 1)/s) + 1
    transposed    (n - 1)s - 2p + d(k - 1) + output padding + 1

Either has maps x kernel sides x depth weights, where the depth is the input's maps, or one group's share
of them. A convolution multiplies all of them at every output place, a transposed one at every input place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from netscope.answers.explain.formula import product
from netscope.answers.explain.lines import Derivation, Line
from netscope.answers.explain.windows import SlidingWindow, per_direction, side_lines, tiling, windows_of
from netscope.base import units
from netscope.report.layer import Layer


class _Kernels(NamedTuple):
    """The kernels of a convolution; `sides` are those of one."""

    sides: tuple[int, ...]
    took: int
    maps: int
    groups: int
    bias: bool

    @classmethod
    def of(cls, layer: Layer, dims: int) -> _Kernels:
        hyper = layer.hyperparameters
        sides = per_direction(hyper.get("kernel_size"), dims, 1)
        took, maps, groups = (int(hyper.get(key, 1)) for key in ("in_channels", "out_channels", "groups"))
        return cls(sides, took, maps, groups, layer.bias_shape is not None)

    @property
    def depth(self) -> int:
        return self.took // self.groups

    @property
    def one(self) -> str:
        """The weights of one kernel: "11*11*3"."""
        return product([*self.sides, self.depth])

    def derivation(self) -> Derivation:
        """What needs no shapes."""
        depth = Line("kernel_depth", "kernel depth", self.depth, note="the maps of the input")
        if self.groups > 1:
            note = f"of the input's maps, each of {units.count(self.groups)} groups sees its share"
            depth = depth.but(formula=f"{self.took}/{self.groups}", note=note)
        return Derivation(
            head=(Line("maps", "maps", self.maps, note="one from each kernel"), depth),
            params=f"({self.one} + 1)*{self.maps}" if self.bias else f"{self.one}*{self.maps}",
            params_note="" if self.bias else "no biases",
        )

    def sharing(self, out: tuple[int, ...]) -> tuple[Line, ...]:
        """The weights, and what they would be if a kernel were not the same at every place."""
        places = math.prod(out)
        if places < 2:
            return ()
        weights = math.prod(self.sides) * self.depth * self.maps
        note = f"if each of the {units.count(self.maps * places)} outputs had a kernel of its own"
        alone = f"{product([*out, self.maps])} * {self.one}"
        return (
            Line(
                "weights", "weights", weights, f"{self.one}*{self.maps}", note="shared by all places of a map"
            ),
            Line("unshared_weights", "without sharing", weights * places, alone, note=note),
        )


def convolution(dims: int) -> Callable[[Layer], Derivation]:
    """Derives a Conv1d, Conv2d or Conv3d."""

    def derive(layer: Layer) -> Derivation:
        kernels = _Kernels.of(layer, dims)
        known, windows = kernels.derivation(), windows_of(layer, dims)
        if windows is None:
            return known
        out = tuple(w.out for w in windows)
        return known._replace(
            head=(*side_lines(windows, _side), *known.head),
            macs=f"{_batch(layer, dims)}{kernels.one} * {kernels.maps} * {product(out)}",
            macs_note="the weights, once for every place of a map",
            tail=(*tiling(windows), *kernels.sharing(out)),
        )

    return derive


def transposed(dims: int) -> Callable[[Layer], Derivation]:
    """Derives a transposed convolution, where every input place stamps the scaled kernel into the output."""

    def derive(layer: Layer) -> Derivation:
        kernels = _Kernels.of(layer, dims)
        known, windows = kernels.derivation(), windows_of(layer, dims)
        if windows is None:
            return known
        asked = dict(
            zip(
                (w.name for w in windows),
                per_direction(layer.hyperparameters.get("output_padding"), dims, 0),
                strict=True,
            )
        )
        took = product(w.size for w in windows)
        return known._replace(
            head=(*side_lines(windows, lambda w: _stamped_side(w, asked[w.name])), *known.head),
            macs=f"{_batch(layer, dims)}{kernels.one} * {kernels.maps} * {took}",
            macs_note="the weights, once for every place of the input",
        )

    return derive


def _side(w: SlidingWindow) -> str:
    return f"floor(({w.size} + {w.padding} - {w.dilation}*({w.kernel}-1) - 1)/{w.stride}) + 1"


def _stamped_side(w: SlidingWindow, asked: int) -> str:
    # A forward that is told the output size finds the output padding by itself.
    needed = w.out - (w.size - 1) * w.stride + 2 * w.before - w.span
    extra = needed if 0 <= needed < max(w.stride, w.dilation) else asked
    reach = f"{w.dilation}*({w.kernel}-1)"
    return f"({w.size} - 1)*{w.stride} - {w.padding} + {reach} + {extra} + 1"


def _batch(layer: Layer, dims: int) -> str:
    """ "8 * " for a batch of 8 samples."""
    shape = layer.output_shape or ()
    return f"{shape[0]} * " if len(shape) == dims + 2 and shape[0] != 1 else ""
