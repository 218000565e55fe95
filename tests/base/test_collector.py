"""The garbage collector while a network is read and traced."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from netscope.base.collector import freezing, paused
from tests.instants import Interrupt


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def collections() -> int:
    """How many there are while a hundred thousand objects are made; the usual threshold is at most 2,000."""
    made = 0

    def count(phase: str, info: dict[str, int]) -> None:
        nonlocal made
        made += phase == "start"

    gc.callbacks.append(count)
    try:
        kept = [[] for _ in range(100_000)]
        assert len(kept) == 100_000
        return made
    finally:
        gc.callbacks.remove(count)


def test_it_rests_and_works_again_after_an_error() -> None:
    before = gc.get_threshold()

    def raises() -> None:
        with paused():
            assert collections() == 0
            with paused():
                pass
            assert collections() == 0
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own
        raises()
    assert gc.get_threshold() == before
    assert collections() > 0
    assert gc.get_freeze_count() == 0


def test_it_is_on_all_the_time() -> None:
    with paused():
        assert gc.isenabled()


@pytest.mark.parametrize("off", [gc.disable, lambda: gc.set_threshold(0)])
def test_one_that_somebody_turned_off_stays_off(off) -> None:
    off()
    before = gc.isenabled(), gc.get_threshold()
    try:
        with freezing(), paused():
            pass
        assert (gc.isenabled(), gc.get_threshold()) == before
    finally:
        gc.enable()


def test_what_somebody_sets_meanwhile_stays() -> None:
    with paused():
        gc.disable()
    assert not gc.isenabled()
    gc.enable()
    with paused():
        gc.set_threshold(500, 5, 5)
        with paused():
            assert collections() == 0
    assert gc.get_threshold() == (500, 5, 5)


@contextmanager
def paused_elsewhere() -> Iterator[None]:
    """Another thread pauses the collector meanwhile."""
    begun, over = threading.Event(), threading.Event()

    def other() -> None:
        with paused():
            begun.set()
            over.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert begun.wait(10)
    yield
    over.set()
    thread.join()


def test_it_rests_until_the_last_of_several_threads_is_done() -> None:
    before = gc.get_threshold()
    with ExitStack() as elsewhere:
        with paused():
            elsewhere.enter_context(paused_elsewhere())
        assert collections() == 0
    assert gc.get_threshold() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_forked_beside_a_pause_collects() -> None:
    before = gc.get_threshold()
    with paused_elsewhere():
        child = os.fork()
        if not child:
            os._exit(0 if gc.get_threshold() == before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_interrupt_leaves_nothing() -> None:
    def call() -> None:
        with paused():
            pass

    before = gc.get_threshold()
    counted = Interrupt(None)
    assert not counted.during(call)
    for at in range(1, counted.lines + 1):
        assert Interrupt(at).during(call)
        assert (at, gc.get_threshold()) == (at, before)


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
