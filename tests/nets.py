"""Pairs of networks for what shows their differences: by hand, without torch, and at random."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from netscope.report.layer import Layer
from netscope.report.report import Report
from tests.reports import around, conv, leaf, linear, pool, relu, report

Shape = tuple[int, ...]


def chain(name: str, layers: Sequence[Layer]) -> Report:
    """A network of these layers."""
    return report(name, "Sequential", layers)


def head(side: int, *, classes: int = 10) -> Report:
    """A convolution, its activation, a pool of 3 with stride 2 and a convolution, at that input side."""
    half = (side - 3) // 2 + 1
    return chain(
        "head",
        [
            *around(
                "features",
                "Sequential",
                [
                    conv("features.0", (1, 3, side, side), (1, 8, side, side), 3, padding=1),
                    relu("features.1", (1, 8, side, side)),
                    pool("features.2", (1, 8, side, side), (1, 8, half, half)),
                    conv("features.3", (1, 8, half, half), (1, 8, half, half), 3, padding=1),
                ],
            ),
            leaf("flat", "Flatten", (1, 8, half, half), (1, 8 * half * half), in_place=True),
            linear("fc", (1, 8 * half * half), (1, classes)),
        ],
    )


def wide(width: int, blocks: int = 3) -> Report:
    """Identical blocks of two convolutions, `width` maps between them."""
    shape = (1, 16, 8, 8)
    inner = (1, width, 8, 8)
    rows = []
    for number in range(blocks):
        path = f"blocks.{number}"
        layers = [
            conv(f"{path}.up", shape, inner, 1),
            relu(f"{path}.act", inner),
            conv(f"{path}.down", inner, shape, 1),
            relu(f"{path}.last", shape),
        ]
        rows += around(path, "Block", layers)
    return chain("wide", around("blocks", "Sequential", rows))


NAMES = st.sampled_from(["a", "b", "conv", "norm", "0", "1", "2", "x" * 70, "日本", "<b>|`*"])


@st.composite
def layers(draw: st.DrawFn, path: str = "", depth: int = 0) -> list[Layer]:
    """Rows of up to five children, some of them containers."""
    rows: list[Layer] = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
        kind = draw(st.sampled_from(["conv", "relu", "linear", "pool"] + ["block"] * (depth < 2)))
        last = f"{name}s" if kind == "block" else name
        full = f"{path}.{last}" if path else last
        maps = draw(st.sampled_from([4, 8]))
        side = draw(st.sampled_from([8, 16]))
        if kind == "block":
            rows += around(full, "Block", draw(layers(full, depth + 1)))
        elif kind == "conv":
            rows.append(conv(full, (1, 3, side, side), (1, maps, side, side), 3, padding=1))
        elif kind == "pool":
            rows.append(pool(full, (1, maps, side, side), (1, maps, side // 2, side // 2), 2))
        elif kind == "relu":
            rows.append(relu(full, (1, maps, side, side)))
        else:
            rows.append(linear(full, (1, maps), (1, side)))
    return rows


@st.composite
def networks(draw: st.DrawFn) -> Report:
    """Any small network."""
    return chain(draw(st.sampled_from(["one", "two"])), draw(layers()))
