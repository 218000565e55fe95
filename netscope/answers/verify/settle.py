"""A peer's figures beside ours: what its reasons come to at every module, and what they leave over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from netscope.answers.verify.figures import Ours
from netscope.answers.verify.peers import Peer
from netscope.answers.verify.result import Figure, Opinion, Reason
from netscope.answers.verify.said import Said
from netscope.base.opnames import operator_list

# What a network's own row is called where nothing says which layer.
_WHOLE: Final = ""


def opinion_of(peer: Peer, said: Said, ours: Ours, version: str) -> Opinion:
    """What a peer says, with a reason for each difference or what has none."""
    layers: dict[str, int] = {}
    for entry in said.entries:
        layers[entry.path] = layers.get(entry.path, 0) + entry.counted
    rest = 0 if said.macs is None else said.macs - sum(layers.values())
    if rest and peer.staged:
        layers[_WHOLE] = layers.get(_WHOLE, 0) + rest
    return Opinion(
        name=peer.name,
        title=peer.title,
        package=peer.package,
        version=version,
        params=None if said.params is None else _params(peer, said, ours),
        macs=None if said.macs is None else _macs(peer, said, ours, layers),
        layers=layers,
        rung=said.rung,
        note=said.note,
    )


def _macs(peer: Peer, said: Said, ours: Ours, layers: dict[str, int]) -> Figure:
    reasons = [reason for reason in peer.reasons(said, ours) if any(reason.amounts.values())]
    if not peer.staged:
        return _total("macs", ours.report.counted_macs, said.macs, reasons, said.within)
    left = left_over(ours.macs, layers, reasons)
    # What was not counted can only be more.
    uncounted = {path: amount for path, amount in left.items() if amount > 0 and path in ours.unknown}
    if uncounted:
        operators: dict[str, int] = {}
        for path in uncounted:
            for name, times in ours.unknown[path].items():
                operators[name] = operators.get(name, 0) + times
        text = f"netscope could not count or see {operator_list(operators, all_of_them=True)}"
        reasons.append(Reason("uncounted", text, uncounted))
        left = {path: amount for path, amount in left.items() if path not in uncounted}
    return Figure("macs", ours.report.counted_macs, said.macs, tuple(reasons), left)


def _params(peer: Peer, said: Said, ours: Ours) -> Figure:
    reasons = [reason for reason in peer.params_reasons(said, ours) if reason.total]
    return _total("params", ours.report.params, said.params, reasons)


def _total(quantity: str, own: int, theirs: int | None, reasons: list[Reason], within: int = 0) -> Figure:
    """Of a figure that the peer has for the whole network alone."""
    assert theirs is not None
    rest = theirs - own - sum(reason.total for reason in reasons)
    left = {_WHOLE: rest} if abs(rest) > within else {}
    return Figure(quantity, own, theirs, tuple(reasons), left, within)


def left_over(ours: dict[str, int], theirs: dict[str, int], reasons: Iterable[Reason]) -> dict[str, int]:
    """{path: what the peer has more than ours and all reasons come to}, where that is anything."""
    rest = dict(theirs)
    for path, amount in ours.items():
        rest[path] = rest.get(path, 0) - amount
    for reason in reasons:
        for path, amount in reason.amounts.items():
            rest[path] = rest.get(path, 0) - amount
    return {path: amount for path, amount in rest.items() if amount}
