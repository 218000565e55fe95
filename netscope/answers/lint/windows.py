"""Checks of windows: do they tile, and how much of them is padding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap

from netscope.answers.lint.registry import Look, Remark, check
from netscope.base import units
from netscope.report.analysis import tiling


@check("NS101", "untiled-windows", "warning")
def untiled_windows(look: Look) -> Iterator[Remark]:
    """Windows stop short of the input's last rows or columns, which are never read."""
    return starmap(Remark, tiling.untiled_windows(look.report))


@check("NS102", "unread-padding", "info")
def unread_padding(look: Look) -> Iterator[Remark]:
    """The last rows or columns of the padding are never read, so the windows sit off centre."""
    found = [
        (layer, short)
        for layer, sides in tiling.windows(look.report)
        if not any(side.lost for side in sides) and (short := [side for side in sides if side.unread])
    ]
    if found:
        layer, short = found[0]
        unread = tiling.never_read([(side.unread, side.name) for side in short], of=" of the padding")
        others = f", as in {units.plural(len(found) - 1, 'other layer')}" if len(found) > 1 else ""
        yield Remark(layer.path, f"{unread} at this input size, so that windows sit off centre{others}.")


@check("NS103", "wide-padding", "warning")
def wide_padding(look: Look) -> Iterator[Remark]:
    """Padding is more than half the kernel, so that outer windows see more padding than input."""
    return starmap(Remark, tiling.wide_padding(look.report))
