"""Pools, and the layers that only make sides longer or shorter.

A pool's output side is that of a convolution. With ceil_mode the last window may hang over the end, as
long as it begins before it. None of these layers has a weight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from netscope.answers.explain.formula import product
from netscope.answers.explain.lines import Derivation, Line
from netscope.answers.explain.windows import (
    DIRECTIONS,
    WALK,
    SlidingWindow,
    merged,
    side_lines,
    sides_of,
    slices,
    tiling,
    windows_of,
)
from netscope.report.layer import Layer

_POOLED: Final = Derivation(params_note="a pool has no weights", macs_note="it weighs nothing")


def pool(dims: int) -> Callable[[Layer], Derivation]:
    """Derives a max, average or power-average pool."""

    def derive(layer: Layer) -> Derivation:
        windows = windows_of(layer, dims)
        if windows is None:
            return _POOLED
        side = _ceil_side if layer.hyperparameters.get("ceil_mode") else _side
        head = side_lines(windows, side)
        return _POOLED._replace(head=(*head, *_same_maps(layer, dims)), tail=tiling(windows))

    return derive


def unpool(dims: int) -> Callable[[Layer], Derivation]:
    """Derives a MaxUnpool: every value goes back to where it was the largest, all else is 0."""

    def derive(layer: Layer) -> Derivation:
        windows = windows_of(layer, dims)
        if windows is None:
            return _POOLED
        head = side_lines(windows, lambda w: f"({w.size} - 1)*{w.stride} - {w.padding} + {w.kernel}")
        return _POOLED._replace(head=(*head, *_same_maps(layer, dims)))

    return derive


# Of a side that an adaptive pool leaves alone.
KEPT: Final = "as in the input"


def adaptive(dims: int) -> Callable[[Layer], Derivation]:
    """Derives an adaptive pool: window i of m over a side n goes from floor(i*n/m) to ceil((i + 1)*n/m)."""

    def derive(layer: Layer) -> Derivation:
        sides = sides_of(layer, dims)
        if sides is None:
            return _POOLED
        outputs, windows = [], []
        asked = layer.hyperparameters.get("output_size", ())
        each = asked if isinstance(asked, tuple) and len(asked) == dims else (asked,) * dims
        for name, size, n, m in zip(DIRECTIONS[dims], each, sides[0][1:], sides[1][1:], strict=True):
            note = KEPT if size is None else "as asked for, at any input size"
            outputs.append(Line(f"output_{name}", f"output {name}", m, note=note))
            if not 0 < m <= WALK:
                continue
            longest = max(-(-(i + 1) * n // m) - i * n // m for i in range(m))
            if n % m == 0:
                windows.append(
                    Line(f"window_{name}", f"window {name}", longest, f"{n}/{m}", note="each alike")
                )
            else:
                note = f"at most {slices(name, longest)}: {n} is no multiple of {m}"
                windows.append(Line(f"window_{name}", f"window {name}", longest, note=note))
        head = merged(outputs) + (merged(windows) if windows else ())
        return _POOLED._replace(head=(*head, *_same_maps(layer, dims)))

    return derive


def padding(dims: int) -> Callable[[Layer], Derivation]:
    """Derives a ZeroPad and its like, whose `padding` begins with the last direction."""

    def derive(layer: Layer) -> Derivation:
        sides, given = sides_of(layer, dims), layer.hyperparameters.get("padding")
        if sides is None or given is None:
            return Derivation()
        ends = given if isinstance(given, tuple) else (given,) * (2 * dims)
        lines = []
        for place, (name, n, m) in enumerate(zip(DIRECTIONS[dims], sides[0][1:], sides[1][1:], strict=True)):
            before, after = ends[2 * (dims - 1 - place) : 2 * (dims - place)]
            lines.append(Line(f"output_{name}", f"output {name}", m, f"{n} + {before} + {after}"))
        return Derivation(head=merged(lines))

    return derive


def upsample(layer: Layer) -> Derivation:
    """A size that was asked for, or the input's sides times a factor."""
    dims = len(layer.output_shape or ()) - 2
    sides = sides_of(layer, dims) if dims in DIRECTIONS else None
    if sides is None:
        return Derivation()
    factor = layer.hyperparameters.get("scale_factor")
    factors = factor if isinstance(factor, tuple) else (factor,) * dims
    lines = []
    for name, n, m, by in zip(DIRECTIONS[dims], sides[0][1:], sides[1][1:], factors, strict=True):
        formula = "" if by is None else f"floor({n}*{by})"
        lines.append(
            Line(f"output_{name}", f"output {name}", m, formula, note="" if formula else "as asked for")
        )
    return Derivation(head=merged(lines))


def flatten(layer: Layer) -> Derivation:
    """The sides that become one."""
    took, gave = layer.input_shapes[:1], layer.output_shape
    if not took or gave is None or not took[0]:
        return Derivation()
    shape, hyper = took[0], layer.hyperparameters
    first, last = hyper.get("start_dim", 1) % len(shape), hyper.get("end_dim", -1) % len(shape)
    if not first <= last or first >= len(gave):
        return Derivation()
    formula = product(shape[first : last + 1])
    return Derivation(head=(Line("output_length", "output length", gave[first], formula),))


def _same_maps(layer: Layer, dims: int) -> tuple[Line, ...]:
    shape = layer.output_shape or ()
    return (
        Line("maps", "maps", shape[-dims - 1], note="as many as came in"),
        Line("kernel_depth", "window depth", 1, note="each map by itself"),
    )


def _side(w: SlidingWindow) -> str:
    return f"floor(({w.room})/{w.stride}) + 1"


def _ceil_side(w: SlidingWindow) -> str:
    whole = -(-(w.padded - w.span) // w.stride) + 1
    # A window that would begin behind the input, in the padding, is left out.
    return f"ceil(({w.room})/{w.stride}) + 1" + (" - 1" if whole - 1 == w.out else "")
