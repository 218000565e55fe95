"""What a peer said of a network, in plain values that go from one process to another."""

from __future__ import annotations

from typing import NamedTuple

from netscope.answers.verify.result import Reason


class Entry(NamedTuple):
    """What a peer makes of one operator, or of one call of a layer.

    path:
        the first qualified name of the module.
    what:
        the operator or the layer's class, as the peer calls it.
    counted:
        multiply-accumulates that the peer has for it.
    work:
        those that its shapes come to (`contractions`); 0 where the peer does not go by operators.
    sizes:
        what the peer's own rule is about: a layer's output; an operator's input, output and whether it has
        weights.
    known:
        whether the peer has a rule for it.
    """

    path: str
    what: str
    counted: int
    work: int = 0
    sizes: tuple[int, ...] = ()
    known: bool = True
    times: int = 1


class Said(NamedTuple):
    """Totals, and what they are made of.

    params, macs:
        None for what the peer does not say.
    held:
        (path, parameters, whether no layer is within) for each layer that the peer lists.
    listed:
        names of all parameters, as the peer was given them.
    rung:
        what its tensors were made of: "meta" or "real"; "" for one that ran nothing.
    told:
        reasons that only the peer's process could find.
    within:
        how far apart multiply-accumulates are that it would round to the same.
    note:
        what there is to know about its figures.
    """

    params: int | None
    macs: int | None
    entries: tuple[Entry, ...] = ()
    held: tuple[tuple[str, int, bool], ...] = ()
    listed: tuple[str, ...] = ()
    rung: str = ""
    told: tuple[Reason, ...] = ()
    within: int = 0
    note: str = ""


def merged(entries: list[Entry]) -> tuple[Entry, ...]:
    """Entries that differ in their amounts alone, put together. Sizes of operators are sums too."""
    found: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        key = (
            entry.path,
            entry.what,
            entry.known,
            not entry.work,
            entry.counted == entry.work,
            len(entry.sizes),
        )
        known = found.get(key)
        if known is None:
            found[key] = entry
            continue
        found[key] = known._replace(
            counted=known.counted + entry.counted,
            work=known.work + entry.work,
            sizes=tuple(one + other for one, other in zip(known.sizes, entry.sizes, strict=True)),
            times=known.times + entry.times,
        )
    return tuple(found.values())
