"""Have the peers run while netscope does, and hold what they say against its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from netscope.answers.verify.figures import ours_of
from netscope.answers.verify.peers import Peer, peers
from netscope.answers.verify.process import Child
from netscope.answers.verify.result import Opinion, Verification
from netscope.answers.verify.said import Said
from netscope.answers.verify.settle import opinion_of
from netscope.base.errors import UsageError
from netscope.base.workload import Workload

if TYPE_CHECKING:
    from netscope.report.report import Report

# Seconds that a peer may take.
LIMIT: Final = 60.0
# What its tensors are made of: the first on which its forward runs to the end.
_RUNGS: Final = ("meta", "real")


def chosen(names: Sequence[str]) -> list[Peer]:
    """The peers of those names; all without any.

    Raises:
        UsageError: there is no such peer.
    """
    known = peers()
    for name in names:
        if name not in known:
            raise UsageError(f"there is no peer {name!r}.", hint=f"there are {', '.join(known)}")
    return [peer for peer in known.values() if peer.name in names or not names]


def verify(
    workload: Workload,
    trace: Callable[[Workload], Report],
    *,
    names: Sequence[str] = (),
    train: bool = False,
    real: bool = False,
    limit: float = LIMIT,
) -> Verification:
    """The report of a workload beside what its peers say of it.

    Args:
        trace: makes the report.
        names: of the peers; all without any.
        real: have them run on real weights, as people do.
        limit: seconds that each peer may take.

    Raises:
        UsageError: there is no such peer; else what `trace` raises.
    """
    asked = []
    for peer in chosen(names):
        if peer.applies(workload):
            asked.append(peer)
        elif names:
            raise UsageError(f"{peer.title} has published nothing of {workload.name}.")
    _import_once()
    children: list[tuple[Peer, Child]] = []
    try:
        # Those that have begun are in the list, should a later one not begin.
        children.extend((peer, Child(partial(_ask, peer, workload, train, real), limit)) for peer in asked)
        report = trace(workload)
        ours = ours_of(report)
        opinions = []
        for peer, child in children:
            returned, release = child.result(), _version(peer.package)
            if returned.error:
                opinions.append(Opinion(peer.name, peer.title, peer.package, release, error=returned.error))
            else:
                opinions.append(opinion_of(peer, returned.value, ours, release))
    finally:
        for _, child in children:
            child.end()
    return Verification(report, ours.macs, tuple(opinions))


def _ask(peer: Peer, workload: Workload, train: bool, real: bool) -> Said:
    """What a peer says, on the first rung on which it can."""
    from netscope.answers.verify.stage import staged

    if not peer.staged:
        return peer.ask(workload, train)
    errors: list[Exception] = []
    for rung in _RUNGS[real:]:
        try:
            with staged(workload, rung, train) as stage:
                return peer.ask(stage)
        except Exception as error:  # noqa: BLE001 - the peer's or the owner's code
            errors.append(error)
    # The last one is what people meet, unless it is that there is no room for the weights.
    raise errors[0] if isinstance(errors[-1], MemoryError) else errors[-1]


def _import_once() -> None:
    """What all of them need, so that it is not imported in each process by itself."""
    import torch._meta_registrations
    import torch.utils.flop_counter  # noqa: F401


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
