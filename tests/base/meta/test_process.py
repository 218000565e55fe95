"""A build belongs to its thread; the process stays as it was, at any instant, beside others, after a fork."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
import types
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from netscope.base.meta import chance, patches
from netscope.base.meta.building import build, build_real, on_meta
from netscope.base.meta.here import here
from tests.instants import Interrupt
from tests.owners.describe import describe, differences

LONG = 20.0
# Of the lines of a build so many are tried, evenly spread.
INSTANTS = 400


def functions() -> dict[str, int]:
    """Of the modules whose functions a build may patch, by identity."""
    owners = {"torch": torch, "torch.random": torch.random, "random": random, "numpy": np.random}
    return {f"{name}.{key}": id(f) for name, held in owners.items() for key, f in vars(held).items()}


def process() -> tuple[Any, dict[str, int], tuple[object, ...]]:
    return describe(None), functions(), (here.twins, here.free, here.templates, here.chance)


def changes(before: tuple[Any, dict[str, int], tuple[object, ...]]) -> list[str]:
    facts, held, mine = process()
    found = differences(before[0], facts)
    found += [name for name in before[1] if before[1][name] != held.get(name)]
    return found + (["here"] if before[2] != mine else [])


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert patches._state.uses == []
    assert not patches._state._lock._is_owned()


def net() -> nn.Module:
    """Layers with and without templates, a buffer, and draws of the values of a parameter."""
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.Bilinear(2, 2, 2))
    made.position = nn.Parameter(torch.randn(5) * 0.02)
    nn.init.trunc_normal_(made[0].weight)
    return made


def graph() -> nn.Module:
    """One of random width, drawn from every generator, and from Python's in the way that networkx does."""
    width = 1 + int(8 * random.random() + 8 * np.random.rand() + torch.randint(8, ()))
    return nn.Linear(width, random._inst.randrange(1, 1000))


# Alone


@pytest.mark.parametrize("way", [build, build_real, on_meta])
def test_nothing_changes(way: Callable[[Callable[[], nn.Module]], nn.Module]) -> None:
    way(net)
    before = process()
    if way is not on_meta:
        way(graph)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    if way is not on_meta:
        way(net)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(7)
    random.seed(7)
    before = process()
    way(lambda: nn.Conv2d(3, 4, 3))
    assert changes(before) == []


@pytest.mark.parametrize("way", [build, build_real])
def test_a_random_graph_is_the_same_every_time(way: Callable[[Callable[[], nn.Module]], nn.Module]) -> None:
    shapes = set()
    for seed in range(4):
        torch.manual_seed(seed), random.seed(seed), np.random.seed(seed)
        before = process()
        shapes.add(tuple(way(graph).weight.shape))
        assert changes(before) == []
    assert len(shapes) == 1


def test_who_draws_from_torch_alone_is_called_once() -> None:
    called: list[int] = []
    before = process()

    def factory() -> nn.Module:
        called.append(1)
        torch.manual_seed(5)
        (
            torch.rand(3),
            torch.randperm(4),
            torch.rand_like(torch.zeros(3)),
            torch.bernoulli(torch.full((2,), 0.5)),
        )
        torch.empty(3).exponential_(), torch.normal(0.0, 1.0, (2,)), torch.multinomial(torch.ones(3), 2)
        return net()

    build(factory)
    assert (called, changes(before)) == ([1], [])
    build_real(factory)
    assert (called, changes(before)) == ([1, 1], [])


def test_real_weights_are_those_of_seed_0_and_of_a_seed_that_the_factory_sets() -> None:
    def seeded() -> nn.Module:
        torch.manual_seed(5)
        return net()

    mine = {0: build_real(net), 5: build_real(seeded)}
    for seed, module in mine.items():
        torch.manual_seed(seed)
        for found, expected in zip(module.parameters(), net().parameters(), strict=True):
            assert torch.equal(found, expected)


def test_what_draws_alike_draws_the_same_numbers() -> None:
    x = torch.zeros(3, requires_grad=True)

    def draw() -> list[Any]:
        made = torch.rand_like(x, dtype=torch.float64, requires_grad=True)
        assert made.requires_grad
        return [made.tolist(), torch.randn_like(x).tolist(), torch.rand(2, device="cpu").tolist()]

    found = build_real(draw)
    torch.manual_seed(0)
    assert draw() == found


def test_other_devices_and_modes_draw_as_ever() -> None:
    assert build(lambda: torch.rand(3, device="meta")).is_meta

    def on_default() -> torch.Tensor:
        with torch.device("meta"):
            return torch.randn(3).uniform_()

    assert build_real(on_default).is_meta


@pytest.mark.whole
def test_a_device_context_that_is_first_used_in_a_build_knows_torchs_functions() -> None:
    code = """
import torch
from netscope.base.meta.building import build
def within():
    with torch.device("meta"):
        return [torch.empty(3).is_meta, torch.randn(3).is_meta, torch.randn_like(torch.ones(3)).is_meta]
print(build(within), within())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == f"{[True] * 3} {[True] * 3}"


def test_torchscript_knows_what_stands_for_torchs_functions() -> None:
    def factory() -> nn.Module:
        class Scripted(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return x + torch.rand(3) + torch.empty(3).zero_() * 0

        return torch.jit.script(Scripted())

    assert build(factory)(torch.ones(3)).shape == (3,)
    assert torch.jit.script(factory())(torch.ones(3)).shape == (3,)


def test_what_the_factory_puts_in_place_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(*args: Any, **kwargs: Any) -> None:
        """Puts itself where ours was."""

    monkeypatch.setattr(torch, "empty", torch.empty)
    build(lambda: setattr(torch, "empty", theirs))
    assert torch.empty is theirs


# Interrupted


@pytest.mark.parametrize("factory", [net, graph])
def test_an_interrupt_at_any_instant_leaves_nothing(factory: Callable[[], nn.Module]) -> None:
    build(factory)
    before = process()
    counted = Interrupt(None)
    assert not counted.during(lambda: build(factory))
    ends = 0
    for instant in range(INSTANTS):
        at = 1 + instant * (counted.lines - 1) // (INSTANTS - 1)
        ends += Interrupt(at).during(lambda: build(factory))
        assert (at, changes(before)) == (at, [])
    assert ends > INSTANTS * 0.8
    assert build(net)[0].weight.is_meta


def test_what_was_left_is_harmless_and_taken_away_by_the_next() -> None:
    before = process()
    for patch in (*chance._of_torch(), *chance._of_others()):
        patch.apply()
    assert torch.rand is not before[1]["torch.rand"]
    assert changes(before) != []
    meta = torch.empty(2, device="meta")
    with pytest.raises(RuntimeError):
        meta.copy_(torch.ones(3))
    assert build(graph).weight.shape == build(graph).weight.shape
    assert changes(before) == []


# Beside other threads


@contextmanager
def in_the_middle(factory: Callable[[], nn.Module], way: Any = build) -> Iterator[list[Any]]:
    """Another thread has built that, and will build as much again; then what it returned, or its error."""
    results: list[Any] = []
    arrived, go_on = threading.Event(), threading.Event()

    def halves() -> nn.Module:
        first = factory()
        arrived.set()
        assert go_on.wait(LONG)
        return nn.ModuleList([first, factory()])

    def work() -> None:
        try:
            results.append(way(halves))
        except Exception as error:  # noqa: BLE001 - for the test to see
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert arrived.wait(LONG)
    try:
        yield results
    finally:
        go_on.set()
        thread.join(LONG)
        assert not thread.is_alive()


def test_others_find_torch_as_ever_beside_a_build() -> None:
    with in_the_middle(net) as results:
        assert not nn.Conv2d(3, 4, 3).weight.is_meta
        weight = nn.init.normal_(torch.empty(100))
        assert weight.abs().sum() > 0
        assert torch.empty(2).fill_(3).tolist() == [3, 3]
        meta = torch.empty(2, device="meta")
        with pytest.raises(RuntimeError):  # whoever skips it would not look
            meta.copy_(torch.ones(3))
        with pytest.raises(TypeError):
            meta.zero_(1)
        with pytest.raises(RuntimeError):
            torch.empty(2**20, 2**14, 2**14)
        large = nn.Module()
        large.register_buffer("mask", torch.ones(2**23, dtype=torch.bool))
        assert not large.mask.is_meta
    assert all(parameter.is_meta for parameter in results[0].parameters())


def test_others_may_build_beside_a_build() -> None:
    before = process()
    with in_the_middle(net) as first:
        done = threading.Event()
        second: list[nn.Module] = []
        thread = threading.Thread(target=lambda: (second.append(build(net)), done.set()), daemon=True)
        thread.start()
        assert done.wait(LONG)
        thread.join()
        real = build_real(net)
    built = [*first[0].parameters(), *second[0].parameters()]
    assert all(parameter.is_meta for parameter in built)
    assert not any(parameter.is_meta for parameter in real.parameters())
    assert changes(before) == []


def test_numbers_that_others_draw_do_not_come_again() -> None:
    drawn: list[float] = []
    over = threading.Event()

    def draw() -> None:
        while not over.is_set():
            drawn.extend((torch.rand((), dtype=torch.float64).item(), random.random(), np.random.rand()))

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    while len(drawn) < 100:
        pass
    for _ in range(30):
        build(net)
        build(graph)
        build_real(net)
    over.set()
    thread.join(LONG)
    drawn += [torch.rand((), dtype=torch.float64).item(), random.random(), np.random.rand()]
    assert len(drawn) > 1000
    assert [number for number, times in Counter(drawn).items() if times > 1] == []


def test_a_seed_that_a_factory_sets_is_not_set_for_others() -> None:
    def seeds() -> nn.Module:
        torch.manual_seed(3)
        return net()

    before = torch.get_rng_state()
    with in_the_middle(seeds):
        assert torch.equal(torch.get_rng_state(), before)
        drawn = torch.rand(4)
    torch.set_rng_state(before)
    assert torch.equal(torch.rand(4), drawn)


# After a fork


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("locked", [False, True])
def test_a_child_forked_beside_a_build_has_torch_as_it_was_and_can_build(locked: bool) -> None:
    build(net)
    before = functions(), id(nn.init.normal_), id(nn.Conv2d.__init__), id(nn.Module.register_buffer)
    with in_the_middle(net):
        held = patches._state._lock
        if locked:  # as if another thread were about to begin
            taken, done = threading.Event(), threading.Event()
            thread = threading.Thread(
                target=lambda: (held.acquire(), taken.set(), done.wait(LONG), held.release())
            )
            thread.start()
            assert taken.wait(LONG)
        child = os.fork()
        if not child:
            status = 1
            try:
                after = (
                    functions(),
                    id(nn.init.normal_),
                    id(nn.Conv2d.__init__),
                    id(nn.Module.register_buffer),
                )
                status = 2 * (after != before)
                status += 4 * (not build(net)[0].weight.is_meta) + 8 * (nn.Linear(2, 2).weight.is_meta)
            finally:
                os._exit(status)
        if locked:
            done.set()
            thread.join()
        assert ended(child) == 0


def ended(child: int) -> int | None:
    """The exit code of a child; None when it hangs."""
    alarm = threading.Timer(LONG / 2, lambda: os.kill(child, 9))
    alarm.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    alarm.cancel()
    return None if status == -9 else status


# Patches


def test_two_patches_of_one_place_are_as_good_as_one() -> None:
    original = lambda: "torch's"  # noqa: E731
    owner: Any = types.ModuleType("owner")
    owner.name = original

    def use() -> patches.Use:
        return patches.Use([patches.Patch(owner, "name", lambda function: lambda: "ours")])

    first, second = use(), use()
    first.begin()
    second.begin()
    assert owner.name() == "ours"
    first.end()
    assert owner.name() == "ours"
    second.end()
    assert owner.name is original


def test_who_waits_is_not_at_work_and_who_asks_whether_to_go_on_is() -> None:
    over = threading.Event()

    def works() -> None:
        while not over.is_set():
            pass

    def waits(thread: threading.Thread) -> bool:
        return chance._waits(sys._current_frames()[thread.ident or 0])

    waiting, working = threading.Thread(target=over.wait), threading.Thread(target=works)
    waiting.start()
    working.start()
    until = time.monotonic() + LONG
    while not waits(waiting):  # it begins
        assert time.monotonic() < until
    assert not any(waits(working) for _ in range(1000))
    assert chance.others_at_work()
    over.set()
    working.join()
    waiting.join()
