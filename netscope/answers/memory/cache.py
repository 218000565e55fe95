"""The cache of a decoder: what each layer keeps of the tokens before, and what one more costs.

Told by how the traced cache behaves and by nothing else. Its tensors are seen at a few lengths:

- with 3, 4 and 5 tokens, so that what grows by a token is known while no window is full;
- with the asked context and with one token more;
- far beyond, so that a window which is not full yet is known too.

What is counted is what is kept: the storages, each once. A view of a longer tensor keeps all of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal, NamedTuple

from netscope.report.cache import Cache, CacheLayer, CacheTensor
from netscope.trace.decoding import Held

# Tokens of the short text, and of it with one and with two more.
SHORT: Final = (3, 4, 5)

# The keys of `netscope.report.cache.KINDS`.
Kind = Literal["full", "latent", "window", "cross", "state", "stepped", "buffer", "scalar", "unknown"]

_Tensors = Sequence[Held]


class Seen(NamedTuple):
    """What a cache held at each length.

    short:
        with 3, 4 and 5 tokens.
    at:
        tokens at which the next two were seen: the context, or fewer where that would take too long.
    here, more:
        with `at` tokens, and with one more.
    prefill:
        with `at` tokens that were given at once; None where all others are of that kind.
    far, beyond:
        with `at + beyond` tokens; None where nobody looked.
    """

    short: tuple[_Tensors, _Tensors, _Tensors]
    at: int
    here: _Tensors
    more: _Tensors
    prefill: _Tensors | None = None
    far: _Tensors | None = None
    beyond: int = 0


def cache_from(
    seen: Seen,
    *,
    context: int,
    batch: int,
    stepwise: bool = True,
    encoder: int | None = None,
    notes: Sequence[str] = (),
) -> Cache:
    """What a cache keeps of `context` tokens, from how it was seen to behave."""
    tables = _Tables(
        _by_place(seen.short[0]),
        _by_place(seen.short[1]),
        _by_place(seen.short[2]),
        _by_place(seen.here),
        _by_place(seen.more),
        None if seen.prefill is None else _by_place(seen.prefill),
        None if seen.far is None else _by_place(seen.far),
    )
    layers: dict[str, list[CacheTensor]] = {}
    paths: dict[str, str] = {}
    for place, (one, _) in {
        **tables.few,
        **tables.some,
        **tables.several,
        **tables.more,
        **tables.here,
    }.items():
        layer, name = _split(place)
        made = _tensor(name, tables.at(place), one, seen, context, batch, encoder)
        layers.setdefault(layer, []).append(made)
        paths[layer] = paths.get(layer) or one.path
    return Cache(
        context=context,
        batch=batch,
        layers=tuple(CacheLayer(place, paths[place], tuple(tensors)) for place, tensors in layers.items()),
        traced=seen.at,
        stepwise=stepwise,
        encoder=encoder,
        notes=tuple(notes),
    )


# A tensor, and the bytes that are its own.
_Table = dict[str, tuple[Held, int]]


class _Bytes(NamedTuple):
    """Of one tensor, at each length."""

    few: int
    some: int
    several: int
    here: int
    more: int
    prefill: int | None
    far: int | None

    @property
    def slope(self) -> int:
        """By how much it grew at first."""
        return self.some - self.few

    def line(self, tokens: int) -> int:
        """Of so many tokens, had it gone on like that."""
        return self.some + self.slope * (tokens - SHORT[1])


class _Tables(NamedTuple):
    few: _Table
    some: _Table
    several: _Table
    here: _Table
    more: _Table
    prefill: _Table | None
    far: _Table | None

    def at(self, place: str) -> _Bytes:
        """What is kept of a tensor at each length: nothing while it is not there."""

        def kept(table: _Table) -> int:
            return table[place][1] if place in table else 0

        return _Bytes(
            kept(self.few),
            kept(self.some),
            kept(self.several),
            kept(self.here),
            kept(self.more),
            None if self.prefill is None else kept(self.prefill),
            None if self.far is None else kept(self.far),
        )


def _by_place(tensors: _Tensors) -> _Table:
    """Each tensor with its bytes; those of a storage belong to the first that lies in it."""
    found: _Table = {}
    storages: set[int] = set()
    for one in tensors:
        found[one.place] = one, 0 if one.storage in storages else one.nbytes
        storages.add(one.storage)
    return found


def _split(place: str) -> tuple[str, str]:
    """A place as that of its layer, up to the first number, and the name within."""
    parts = place.split(".")
    end = next((index + 1 for index, part in enumerate(parts) if part.isdecimal()), 0)
    return ".".join(parts[:end]), ".".join(parts[end:])


def _tensor(
    name: str, kept: _Bytes, one: Held, seen: Seen, context: int, batch: int, encoder: int | None
) -> CacheTensor:
    kind, window = _kind(kept, one, seen, encoder)
    away = context - seen.at
    if kind == "stepped":
        growth = None if kept.far is None else Fraction(kept.far - kept.here, seen.beyond)
    else:
        growth = Fraction(kept.slope if kind in ("full", "latent", "window") else 0)
    if kind == "unknown":
        growth = None
    # A line, or what stands still: only these are drawn on.
    known = away == 0 or kind not in ("stepped", "buffer", "unknown")
    ahead = kept.more - kept.here
    return CacheTensor(
        name=name,
        shape=one.spec.shape if away == 0 or ahead == 0 else None,
        dtype=one.spec.dtype,
        kind=kind,
        nbytes=kept.here + ahead * away if known else None,
        after_prefill=_after_prefill(kept, seen, context) if known else None,
        bytes_per_token=None if growth is None else _each(growth, batch),
        bytes_per_next=_each(Fraction(ahead), batch) if known else None,
        window=window,
    )


def _after_prefill(kept: _Bytes, seen: Seen, context: int) -> int | None:
    """Bytes of a whole context given at once: a view of all of it goes on growing, what is full does not."""
    at_once = kept.here if kept.prefill is None else kept.prefill
    if context == seen.at or not kept.slope:
        return at_once
    if at_once == kept.line(seen.at):
        return kept.line(context)
    return at_once if at_once == kept.here else None


def _each(growth: Fraction, batch: int) -> int | float:
    """Of one sequence."""
    one = growth / batch
    return one.numerator if one.denominator == 1 else float(one)


def _kind(kept: _Bytes, one: Held, seen: Seen, encoder: int | None) -> tuple[Kind, int | None]:
    """What a tensor is by how it grows, and the tokens of a window."""
    slope, ahead = kept.slope, kept.more - kept.here
    far = None if kept.far is None else kept.far - kept.here
    if kept.few == kept.some == kept.several == kept.here == kept.more and not far:
        if one.spec.shape == ():
            return "scalar", None
        return ("cross" if encoder is not None and encoder in one.spec.shape else "state"), None
    # A window of four tokens is full with them, and had three quarters before; what comes at once had not.
    tiny = kept.several == kept.some == kept.here and kept.few * SHORT[1] == kept.some * SHORT[0]
    even = tiny or kept.several == kept.line(SHORT[2])
    straight = even and kept.here == kept.line(seen.at) and ahead == slope
    if straight and (far is None or far == slope * seen.beyond):
        return ("latent" if one.projected else "full"), None
    most = kept.here + (far or 0)
    if slope > 0 and even and (straight or not (ahead or far)) and most % slope == 0:
        return "window", most // slope
    if far is None:
        return "unknown", None
    return ("buffer" if far <= 0 else "stepped"), None
