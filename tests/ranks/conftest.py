"""What real processes do, measured once for all tests of a run."""

from __future__ import annotations

import os
from functools import cache
from math import prod

import pytest

from tests.ranks.processes import Measured, RealRanks, measured


@pytest.fixture(scope="session")
def real_ranks(tmp_path_factory: pytest.TempPathFactory) -> RealRanks:
    """Of a network on a mesh, by rank. The workers of a run share what one of them had measured."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    @cache
    def of_world(world: int) -> dict[tuple[str, tuple[int, ...]], list[Measured]]:
        return measured(world, folder / f"ranks-{world}")

    return lambda name, sizes: of_world(prod(sizes))[name, sizes]
