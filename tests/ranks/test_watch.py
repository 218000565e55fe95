"""What a watch over ranks leaves open: nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch.distributed as dist

import netscope
from netscope.machine.ranks.watch import Watch

FILES = Path("/proc/self/fd")

pytestmark = pytest.mark.skipif(not FILES.exists(), reason="open files are not to be seen here")


@pytest.fixture
def other() -> Iterator[int]:
    """A process that is there."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def watched(world: int, process: int) -> tuple[Watch, dist.HashStore]:
    """A watch that has begun, of the first of ranks, all others of which are one process."""
    store = dist.HashStore()
    watch = Watch(store, 0, 1, 30.0, None)
    watch.begin(store)
    watch.leave()
    host, _ = json.loads(store.get("who/0"))
    store = dist.HashStore()
    for rank in range(1, world):
        store.set(f"who/{rank}", json.dumps([host, process]))
    watch = Watch(store, 0, world, 30.0, None)
    watch.begin(store)
    return watch, store


def opened() -> set[str]:
    return {one.name for one in FILES.iterdir()}


@pytest.mark.parametrize("well", [True, False])
def test_pipes_and_processes_are_closed(well: bool, other: int):
    before, handler = opened(), signal.getsignal(signal.SIGTERM)
    watch, store = watched(3, other)
    meanwhile = opened()
    assert len(meanwhile - before) >= 2  # more where the kernel tells of the end of a process
    if well:
        watch.leave()
    else:
        with pytest.raises(netscope.TraceError, match="it went wrong") as raised:
            watch.failed(ValueError("it went wrong"))
        assert raised.value.message.startswith("rank 0 of 3 failed")
    ended = time.monotonic() + 20
    while not opened() <= before and time.monotonic() < ended:  # its thread may come to it late
        time.sleep(0.05)
    assert opened() <= before
    assert signal.set_wakeup_fd(-1) == -1
    assert signal.getsignal(signal.SIGTERM) is handler
    assert store.check(["left/0"]) == well


def test_one_that_never_began_leaves_nothing_open():
    before = opened()
    watch = Watch(dist.HashStore(), 0, 1, 30.0, None)
    assert len(opened() - before) == 2
    watch.leave()
    assert opened() <= before
