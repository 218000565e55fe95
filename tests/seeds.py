"""The seed of whatever tests draw: one and the same every time, and another in each round of `make fuzz`."""

from __future__ import annotations

import os
from typing import Final

SEED: Final = int(os.environ.get("NETSCOPE_SEED", "0"))
# Times as many in a round of `make fuzz`.
DRAWS: Final = int(os.environ.get("NETSCOPE_DRAWS", "1"))


def seeds(count: int) -> range:
    """Seeds for networks and the like that are drawn without hypothesis; mark such a test `drawn`."""
    return range(SEED, SEED + count * DRAWS)
