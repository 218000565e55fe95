"""What a device holds beside the tensors of a network: not predicted, but what torch says of itself.

workspace of cuBLAS     torch allocates it with the first matrix product, of the same allocator as tensors,
                        and keeps it: one for each handle (a thread's) and stream. cuBLASLt shares it. So it
                        is in `torch.cuda.memory_allocated()`, though no tensor has it.
workspace of cuDNN      of the same allocator too, for as long as a convolution runs; how much hangs on the
                        algorithm that is chosen on the device. Unknown.
CUDA's context          the driver's, for kernels and their stacks; in no figure of torch, but on the device.
                        It hangs on driver, device and what is loaded. Unknown; on a device it is what
                        `torch.cuda.mem_get_info()` misses beyond `torch.cuda.memory_reserved()`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_KIB: Final = 2**10

# CUBLAS_WORKSPACE_CONFIG as torch has it where nobody says otherwise: pieces of so many KiB, so many times.
DEFAULT: Final = ":4096:2:16:8"
HOPPER: Final = ":4096:8"
_PIECE: Final = re.compile(r":([0-9]+):([0-9]+)")


@dataclass(frozen=True, slots=True)
class Overhead:
    """Something that takes memory of a device and is no tensor.

    nbytes:
        None where only a device can tell.
    allocated:
        whether torch's allocator serves it, so that it is within what is allocated and reserved.
    lasts:
        whether it stays once it is there.
    """

    name: str
    nbytes: int | None
    allocated: bool
    lasts: bool
    source: str


def overheads(capability: tuple[int, int] | None = None, config: str | None = None) -> tuple[Overhead, ...]:
    """All of them, for a device of that compute capability (None: not known) and CUBLAS_WORKSPACE_CONFIG."""
    return (
        Overhead(
            "cuBLAS workspace",
            cublas_workspace(capability, config),
            allocated=True,
            lasts=True,
            source="aten/src/ATen/cuda/CublasHandlePool.cpp, torch 2.14; 32 MiB from capability 10.0 on came "
            "with pytorch#175344 and #189312 (2026), and were 8.125 before",
        ),
        Overhead(
            "cuDNN workspace",
            None,
            allocated=True,
            lasts=False,
            source="aten/src/ATen/native/cudnn: as much as the chosen algorithm asks for",
        ),
        Overhead(
            "CUDA context",
            None,
            allocated=False,
            lasts=True,
            source="torch's documentation, CUDA semantics, memory management: no part of the allocator",
        ),
    )


def cublas_workspace(capability: tuple[int, int] | None = None, config: str | None = None) -> int | None:
    """Bytes of one workspace; None where neither capability nor settings tell.

    Torch takes its default for settings that it cannot read, and so do we.
    """
    pieces = _PIECE.findall(config or "")
    if not pieces:
        if capability is None:
            return None
        pieces = _PIECE.findall(HOPPER if capability >= (9, 0) else DEFAULT)
    return sum(int(size) * _KIB * int(count) for size, count in pieces)
