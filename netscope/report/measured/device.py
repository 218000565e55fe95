"""The machine that figures were measured on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """What is measured on.

    target:
        torch's name for it ("cpu", "cuda:0").
    name:
        as its maker calls it ("NVIDIA H200").
    memory:
        bytes; None where it is not told.
    details:
        versions and settings worth printing, by name.
    """

    target: str
    name: str
    memory: int | None = None
    details: tuple[tuple[str, str], ...] = ()
