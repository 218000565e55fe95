"""Whether this process is one of several that a launcher started: torchrun, or what sets what that sets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple


class Launch(NamedTuple):
    """Which process of them this is.

    rank, world:
        its number, and how many there are.
    local_rank:
        its number on this host, which is that of its GPU.
    """

    rank: int
    world: int
    local_rank: int


def launched(environment: Mapping[str, str] | None = None) -> Launch | None:
    """What the launcher said; None for a process that is alone."""
    said = os.environ if environment is None else environment
    told = [said.get(name, "") for name in ("RANK", "WORLD_SIZE")]
    if not said.get("MASTER_ADDR") or not all(text.isdecimal() for text in told):
        return None
    rank, world = map(int, told)
    local = said.get("LOCAL_RANK", "")
    if world < 2 or rank >= world:
        return None
    return Launch(rank, world, int(local) if local.isdecimal() else rank)
