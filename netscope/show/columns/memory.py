"""The columns of what a network takes of memory: those of `netscope memory`."""

from __future__ import annotations

from typing import Final

from netscope.base.units import ratio
from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.columns.column import BYTES, Column, figure


def _part_of_saved(own: Own, report: Report) -> float | None:
    return ratio(own.saved, report.saved_for_backward)


MEMORY: Final[tuple[Column, ...]] = (
    figure(
        "saved", "saved",
        "Bytes that autograd keeps for the backward, each piece of memory once, where it is first kept; "
        "parameters and buffers apart.", BYTES, drop=1, part=_part_of_saved,
    ),
    figure(
        "live", "live",
        "Bytes of activations alive when the layer's forward is over, inputs and what is saved included; "
        "parameters, gradients and optimizer state apart.", BYTES, adds=False, drop=6,
    ),
    figure(
        "peak", "peak", "Bytes of activations alive at most while the layer's forward runs.", BYTES,
        adds=False, drop=3,
    ),
)  # fmt: skip
