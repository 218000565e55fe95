"""What torch's own allocator does with a timeline; run by `tools.counting.allocator`, in its own process.

Reads [[block, bytes asked for, or 0 for a release], ...] and writes the bytes after each of them, the most
that was reserved, whether memory ran out, and the segments after the last.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

# torch.cuda has no types.
cuda: Any = torch.cuda


def main() -> None:
    """From standard input to standard output."""
    cuda.init()
    served: list[list[int]] = []
    addresses: dict[int, int] = {}
    full = False
    for block, nbytes in json.load(sys.stdin):
        try:
            if nbytes:
                addresses[block] = cuda.caching_allocator_alloc(nbytes, 0, 0)
            else:
                cuda.caching_allocator_delete(addresses.pop(block))
        except cuda.OutOfMemoryError:
            full = True
        stats = cuda.memory_stats_as_nested_dict()
        served.append(
            [stats[f"{name}_bytes"]["all"]["current"] for name in ("allocated", "reserved", "requested")]
        )
        if full:
            break
    found = {
        "served": served,
        "most": cuda.max_memory_reserved(),
        "full": full,
        "segments": [_segment(segment) for segment in cuda.memory_snapshot(include_traces=False)],
    }
    json.dump(found, sys.stdout)


def _segment(segment: dict[str, Any]) -> list[int]:
    """Bytes of its blocks, free ones negative."""
    return [b["size"] if b["state"] == "active_allocated" else -b["size"] for b in segment["blocks"]]


if __name__ == "__main__":
    main()
