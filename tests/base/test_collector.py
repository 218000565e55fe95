"""The garbage collector while a network is read and traced."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from netscope.base.collector import freezing, paused


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_it_rests_and_is_on_again_after_an_error() -> None:
    def raises() -> None:
        with paused():
            assert not gc.isenabled()
            with paused():
                pass
            assert not gc.isenabled()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own
        raises()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_one_that_somebody_turned_off_stays_off() -> None:
    gc.disable()
    try:
        with freezing(), paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_process_of_its_own_freezes_what_the_first_pause_leaves() -> None:
    with freezing():
        with paused():
            pass
        frozen = gc.get_freeze_count()
        assert frozen > 0  # torch is imported by the tests
        kept = [[] for _ in range(1000)]
        with paused():
            pass
        assert gc.get_freeze_count() <= frozen
        assert len(kept) == 1000
    gc.unfreeze()
    with paused():
        pass
    assert gc.get_freeze_count() == 0
