"""What a forward leaves changed in the process is put back, and what another thread changed is left alone."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from netscope.base.meta.chance import others_at_work
from netscope.trace.here import here
from netscope.trace.process import process_kept, thread_kept


def generators() -> list[Any]:
    state = np.random.get_state()
    return [torch.get_rng_state().tolist(), random.getstate(), state[1].tolist(), state[2:]]


def draw() -> None:
    torch.rand(1), random.random(), np.random.rand()


def change() -> None:
    draw()
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    sys.setrecursionlimit(sys.getrecursionlimit() + 7)


def settings() -> list[Any]:
    return [torch.get_default_dtype(), torch.get_default_device(), sys.getrecursionlimit()]


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    before = settings()
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    sys.setrecursionlimit(before[-1])


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_generators_and_defaults_are_put_back(error: type[BaseException] | None) -> None:
    before, numbers = settings(), generators()
    try:
        with process_kept():
            change()
            assert settings() != before
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert settings() == before
    assert generators() == numbers


def test_what_did_not_change_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> None:
        raise AssertionError

    with process_kept():
        for owner, name in (
            *((torch, "set_rng_state"), (random, "setstate"), (np.random, "set_state")),
            *((torch, "set_default_dtype"), (torch, "set_default_device"), (sys, "setrecursionlimit")),
        ):
            monkeypatch.setattr(owner, name, refuses)
    monkeypatch.undo()


def test_an_interrupt_while_putting_back_is_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    put, ends = random.setstate, [KeyboardInterrupt]

    def interrupted(state: Any) -> None:
        if ends:
            raise ends.pop()
        put(state)

    monkeypatch.setattr(random, "setstate", interrupted)
    before = generators()
    with pytest.raises(KeyboardInterrupt), process_kept():
        draw()
    assert generators() == before


@contextmanager
def another(work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Another thread does that meanwhile."""
    over, begun = threading.Event(), threading.Event()

    def run() -> None:
        begun.set()
        work(over)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    begun.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def works(over: threading.Event) -> None:
    while not over.is_set():
        time.sleep(0.001)


def test_numbers_that_another_thread_may_have_drawn_stay_drawn() -> None:
    before = generators()
    with another(works), process_kept():
        draw()
    assert generators() != before


def test_a_thread_that_waits_draws_nothing() -> None:
    before = generators()
    over = threading.Event()
    thread = threading.Thread(target=over.wait, args=(10,), daemon=True)
    thread.start()
    try:
        assert not others_at_work()
        with process_kept():
            draw()
    finally:
        over.set()
        thread.join(10)
    assert generators() == before


def test_deep_networks_have_room() -> None:
    before = sys.getrecursionlimit()
    with process_kept(40):
        assert sys.getrecursionlimit() == before
    with process_kept(3000):
        assert sys.getrecursionlimit() >= before + 3000
        with process_kept(100):
            pass
        assert sys.getrecursionlimit() >= before + 3000
    assert sys.getrecursionlimit() == before


class Mode(TorchDispatchMode):  # type: ignore[misc]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Function:
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def modes() -> list[Any]:
    return [
        torch._C._len_torch_dispatch_stack(),
        torch._C._len_torch_function_stack(),
        torch.is_grad_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.is_autocast_enabled("cuda"),
        torch.is_autocast_cache_enabled(),
        (here.recorder, here.calls, here.outside),
    ]


def enter() -> None:
    """Modes that are never left, as when an interrupt comes in between."""
    torch._C._push_on_torch_dispatch_stack(Mode())
    torch._C._push_on_torch_function_stack(Function())
    torch.set_grad_enabled(False)
    torch.set_autocast_enabled("cpu", True)
    torch.set_autocast_dtype("cpu", torch.float16)
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_cache_enabled(False)
    here.outside = True


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_modes_of_the_thread_are_left(error: type[BaseException] | None) -> None:
    before = modes()
    try:
        with thread_kept():
            enter()
            assert all(one != other for one, other in zip(modes(), before, strict=True))
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert modes() == before


def test_modes_that_were_there_stay() -> None:
    with torch.no_grad(), Mode(), torch.autocast("cpu"):
        before = modes()
        with thread_kept():
            torch.set_grad_enabled(True)
            torch._C._push_on_torch_dispatch_stack(Mode())
        assert modes() == before


def test_a_bit_generator_of_another_kind_is_put_back() -> None:
    original = np.random.get_bit_generator()
    np.random.set_bit_generator(np.random.PCG64(1))
    try:
        before = np.random.get_bit_generator().state
        with process_kept():
            np.random.rand()
        assert np.random.get_bit_generator().state == before
    finally:
        np.random.set_bit_generator(original)
