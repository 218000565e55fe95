"""Ranks that are measured together: they agree on how many steps to take, and begin these at once.

What is said between them goes over a group and a store of netscope's own, outside of everything timed, so
that the network's own groups see nothing but the network.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d as c10d

from netscope.base.errors import UsageError
from netscope.base.launch import Launch
from netscope.machine.ranks.matched import Steps, matched, of_plain, plain
from netscope.machine.ranks.watch import LIMIT, End, Watch, host_name
from netscope.machine.timing.backend import Backend
from netscope.machine.timing.meter import Step
from netscope.report.measured.device import Device
from netscope.report.measured.ranks import MeasuredCollective, MeasuredRank, MeasuredRanks

# These have no types of their own.
_dist: Any = dist

# A collective that takes so many times the limit is given up by torch itself.
_TIMES: Final = 10
# The groups of netscope's in one process, so that each has names of its own in the store.
_NUMBER: Final = itertools.count()


class Together:
    """The ranks, as one of them sees them."""

    def __init__(self, store: Any, rank: int, world: int, limit: float, end: End | None) -> None:
        """`store` is shared by all ranks, and nobody else writes to it; `end` as for a `Watch`."""
        self.rank = rank
        self.world = world
        self._store = store
        self._limit = limit
        self.watch = Watch(_clone(store), rank, world, limit, end)
        self._group: Any = None

    def begin(self) -> None:
        """Meet the others.

        Raises:
            TraceError: one has not come.
        """
        self.watch.begin(_clone(self._store))
        patience = timedelta(seconds=_TIMES * max(self._limit, LIMIT))
        self._store.set_timeout(patience)
        self._group = dist.ProcessGroupGloo(
            _dist.PrefixStore("group", self._store), self.rank, self.world, patience
        )

    def end(self) -> None:
        """Let go of what they met by."""
        if self._group is not None:
            getattr(self._group, "shutdown", lambda: None)()  # older ones have none
            self._group = None

    def at(self, label: str) -> None:
        """What is being done from now on, should a rank die meanwhile."""
        self.watch.at(label)

    def agree(self, value: float) -> float:
        """The most that any rank says."""
        self.watch.check()
        said = torch.tensor([value], dtype=torch.float64)
        options = dist.AllreduceOptions()
        options.reduceOp = dist.ReduceOp.MAX
        self._group.allreduce([said], options).wait()
        self.watch.moves += 1
        return float(said[0])

    def align(self) -> None:
        """Return on all ranks at once."""
        self.agree(0.0)

    def gathered(self, device: Device, seconds: float, calls: Steps) -> MeasuredRanks:
        """What all of them measured: the first rank reads what the others say, and tells what it comes to."""
        mine = [host_name(), device.target, device.name, seconds]
        self._store.set(f"measured/{self.rank}", json.dumps([mine, plain(calls)]))
        if self.rank == 0:
            said = [json.loads(self._store.get(f"measured/{rank}")) for rank in range(self.world)]
            made = _measured(_backend_for(device), said)
            self._store.set("ranks", json.dumps(asdict(made)))
        told = json.loads(self._store.get("ranks"))
        self.align()  # nobody leaves before all have read
        return MeasuredRanks(
            backend=told["backend"],
            ranks=tuple(MeasuredRank(**one) for one in told["ranks"]),
            collectives=tuple(
                MeasuredCollective(**{**one, "skew": tuple(one["skew"])}) for one in told["collectives"]
            ),
            steps=told["steps"],
        )


def _measured(backend: str, said: list[Any]) -> MeasuredRanks:
    """What all ranks said, each its own and its calls, held against each other."""
    found = matched([of_plain(calls) for _, calls in said])
    return MeasuredRanks(
        backend=backend,
        ranks=tuple(
            MeasuredRank(
                rank, host, target, name, step, found.transfer[rank], found.skew[rank], found.delayed[rank]
            )
            for rank, ((host, target, name, step), _) in enumerate(said)
        ),
        collectives=found.collectives,
        steps=len(said[0][1]),
    )


@dataclass(frozen=True, slots=True)
class Aligned:
    """A step that all ranks begin at once."""

    step: Step
    backend: Backend
    ranks: Together

    @property
    def phases(self) -> tuple[tuple[str, Callable[[], object]], ...]:
        """Those of the step."""
        return self.step.phases

    def prepare(self) -> None:
        """What the step does itself; then the ranks wait for each other."""
        self.step.prepare()
        self.backend.synchronize()
        self.ranks.align()


_here: list[Together] = []


@contextmanager
def started(launch: Launch, device: str | None, limit: float | None, end: End) -> Iterator[Together]:
    """The processes that a launcher started, which do nothing but this, in a group that is there for it.

    device:
        "cpu", "cuda" or None for a GPU where there is one.
    end:
        how to end the process where another rank has failed, with a line if this one is to say so.

    Raises:
        TraceError: a rank failed; this is the one that tells of it. The process of every other one ends.
    """
    patience = LIMIT if limit is None else limit
    waiting = timedelta(seconds=_TIMES * max(patience, LIMIT))
    store, _, _ = next(_dist.rendezvous("env://", launch.rank, launch.world, timeout=waiting))
    store.set_timeout(waiting)
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = _dist.PrefixStore(f"netscope/{again}", store)
    with _joined(Together(store, launch.rank, launch.world, patience, end)) as ranks:
        on_gpu = torch.cuda.is_available() if device is None else device.startswith("cuda")
        if on_gpu:
            torch.cuda.set_device(launch.local_rank)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
            store=_dist.PrefixStore("default", store),
            rank=launch.rank,
            world_size=launch.world,
            timeout=waiting,
        )
        try:
            with _there_already():
                yield ranks
        finally:
            if ranks.watch.verdict is None and dist.is_initialized():
                dist.destroy_process_group()


@contextmanager
def joined(limit: float | None = None) -> Iterator[Together]:
    """The ranks of this process's default group, which has several; those that `started`, where they have.

    Raises:
        TraceError: a rank failed, or has not come.
        UsageError: the ranks have nothing that they could meet at.
    """
    if _here:
        yield _here[-1]
        return
    store = c10d._get_default_store()
    if store is None:
        raise UsageError("the process group has no store, by which ranks could agree on anything.")
    store = _dist.PrefixStore(f"netscope/{next(_NUMBER)}", _clone(store))
    patience = LIMIT if limit is None else limit
    with _joined(Together(store, dist.get_rank(), dist.get_world_size(), patience, None)) as ranks:
        yield ranks


@contextmanager
def _joined(ranks: Together) -> Iterator[Together]:
    try:
        ranks.begin()
        _here.append(ranks)
        try:
            yield ranks
        finally:
            _here.remove(ranks)
    except BaseException as error:
        ranks.watch.failed(error)
        raise
    ranks.watch.leave()
    ranks.end()


@contextmanager
def _there_already() -> Iterator[None]:
    """A factory that makes the default group finds that it is there; it may be called more than once."""
    makers = [(place, place.init_process_group) for place in (dist, c10d)]

    def init_process_group(*args: Any, **kwargs: Any) -> None:
        if not dist.is_initialized():
            makers[1][1](*args, **kwargs)

    for place, _ in makers:
        place.init_process_group = init_process_group  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for place, before in makers:
            place.init_process_group = before  # type: ignore[attr-defined]


def device_of(launch: Launch, device: str | None) -> str:
    """The device of this process: with GPUs one each."""
    found = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return f"cuda:{launch.local_rank}" if found == "cuda" else found


def _backend_for(device: Device) -> str:
    """What moves the bytes of tensors there."""
    try:
        group = c10d._get_default_group()
        return str(group._get_backend(torch.device(device.target)).name())
    except (RuntimeError, ValueError, AttributeError):
        return str(dist.get_backend())


def _clone(store: Any) -> Any:
    """A connection of its own: one waits while another one is waited for."""
    return store.clone() if hasattr(store, "clone") else store
