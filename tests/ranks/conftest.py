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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes are enough for every day; more of them, which take turns on two cores, are for sweeps."""
    for item in items:
        if isinstance(item, pytest.Function) and "real_ranks" in item.fixturenames:
            given = item.callspec.params if hasattr(item, "callspec") else {}
            if prod(given.get("sizes", (4,))) > 2:
                item.add_marker(pytest.mark.slow)
