"""The peers, a file each, found by being here. Each says what it makes of a network, and by which rules.

A file has a `PEER`. Its `ask` runs in a process of its own; its `reasons` say where the rules by which the
peer counts are not netscope's, and what each comes to. A rule is of a whole class of layers or operators, and
what the peer has for one of them must be what the rule says, or the rule is no reason there. Amounts are
worked out from shapes (`contractions`), never from the figures that they are to explain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from netscope.answers.verify.figures import Ours
from netscope.answers.verify.result import Reason
from netscope.answers.verify.said import Said
from netscope.base.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Somebody else who counts.

    name:
        what people type.
    title:
        what it is called.
    package:
        the package that it is in, whose version is told.
    ask:
        runs it, in a process of its own.
    reasons:
        why its multiply-accumulates differ.
    params_reasons:
        why its parameters do.
    applies:
        whether it has anything to say of a network.
    staged:
        whether it runs a network on a stage; else it is asked about the workload, and whether it trains.
    """

    name: str
    title: str
    package: str
    ask: Callable[..., Said]
    reasons: Callable[[Said, Ours], list[Reason]]
    params_reasons: Callable[[Said, Ours], list[Reason]] = lambda said, ours: []
    applies: Callable[[Workload], bool] = lambda workload: True
    staged: bool = True


_NAMES: Final = tuple(module.name for module in iter_modules(__path__))


def peers() -> dict[str, Peer]:
    """All of them by name, in alphabetical order. None of their packages is imported."""
    found = [import_module(f"{__name__}.{name}").PEER for name in _NAMES]
    return {peer.name: peer for peer in found}
