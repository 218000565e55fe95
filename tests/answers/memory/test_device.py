"""What torch says of itself about memory that no tensor has."""

from __future__ import annotations

import pytest

from netscope.answers.memory.device import cublas_workspace, overheads

KIB = 2**10


@pytest.mark.parametrize(
    ("capability", "config", "nbytes"),
    [
        # 2 x 4096 KiB + 8 x 16 KiB = 8,388,608 + 131,072: what forum topic 178671 saw.
        ((7, 5), None, 8_519_680),
        ((8, 9), None, 8_519_680),
        # What torch 2.14.1 allocates where its device says that it is one of these.
        ((9, 0), None, 33_554_432),
        ((10, 0), None, 33_554_432),
        ((12, 1), None, 33_554_432),
        # NVIDIA's two settings for reproducible results: 8 x 4096 KiB and 8 x 16 KiB.
        ((8, 0), ":4096:8", 33_554_432),
        (None, ":16:8", 128 * KIB),
        # Not to be read: the default.
        ((8, 0), "4096", 8_519_680),
        (None, None, None),
    ],
)
def test_the_workspace_of_cublas(capability: tuple[int, int] | None, config: str | None, nbytes: int | None):
    assert cublas_workspace(capability, config) == nbytes


def test_what_only_a_device_can_tell_is_unknown():
    found = {overhead.name: overhead for overhead in overheads((8, 0))}
    assert found["cuBLAS workspace"].nbytes == 8_519_680
    assert found["cuDNN workspace"].nbytes is found["CUDA context"].nbytes is None
    assert [overhead.name for overhead in found.values() if not overhead.allocated] == ["CUDA context"]
    assert all(overhead.source for overhead in found.values())
    assert overheads()[0].nbytes is None
