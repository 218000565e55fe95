"""The cache of a decoder, as values: what each layer keeps of the tokens before, and what one more costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

# What a kind means, for people.
KINDS: Final[dict[str, str]] = {
    "full": "grows by as much for each token",
    "latent": "grows by as much for each token, and is multiplied with weights when it is read",
    "window": "grows, then stops: it keeps the last tokens only",
    "cross": "as long as the encoder's output, at any length of the text",
    "state": "the same at any length: of a recurrence, a convolution, or all there before",
    "stepped": "grows for several tokens at once",
    "buffer": "fills, and is emptied again",
    "scalar": "single numbers that go with it",
    "unknown": "grows in a way that was not seen far enough",
}
_Item = TypeVar("_Item")
_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True)
class CacheTensor:
    """One tensor of a cache, of the whole batch.

    name:
        within its layer: "keys".
    kind:
        a key of `KINDS`.
    shape, dtype:
        with the context asked for; None where it was not traced at that length.
    nbytes:
        bytes kept: of its storage, which may be larger than it; 0 where another one before it lies in the
        same; None where that is not known.
    after_prefill:
        the same when the whole context was given at once, and no token came after.
    bytes_per_token:
        by which it grows for each token of each sequence while no window is full; on average, of one that
        grows in steps.
    bytes_per_next:
        by which it grows for the next token of each sequence.
    window:
        tokens that it keeps at most; None where that has no end.
    """

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    kind: str
    nbytes: int | None
    after_prefill: int | None
    bytes_per_token: float | None
    bytes_per_next: float | None
    window: int | None = None


@dataclass(frozen=True, slots=True)
class CacheLayer:
    """What a cache keeps for one layer.

    place:
        where in the cache: "layers.0", "cross_attention_cache.layers.3".
    path:
        the module that made it, as in the report's rows; "" where none is known.
    """

    place: str
    path: str
    tensors: tuple[CacheTensor, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What its tensors are, each kind once; a number beside them is none."""
        found = dict.fromkeys(t.kind for t in self.tensors if t.kind != "scalar")
        # One of two that are kept together is read through weights, the other is its position.
        return tuple(kind for kind in found if not (kind == "full" and "latent" in found)) or ("scalar",)

    @property
    def kind(self) -> str:
        """The same in a word: "full", or "state + full" of a layer that keeps both."""
        return " + ".join(self.kinds)

    @property
    def window(self) -> int | None:
        """Tokens that it keeps at most, None where that has no end."""
        return max((t.window for t in self.tensors if t.window is not None), default=None)

    @property
    def nbytes(self) -> int | None:
        """Bytes kept for the context and the batch."""
        return total(self.tensors, lambda one: one.nbytes)

    @property
    def after_prefill(self) -> int | None:
        """The same when the whole context was given at once."""
        return total(self.tensors, lambda one: one.after_prefill)

    @property
    def bytes_per_token(self) -> float | None:
        """Bytes for each token of a sequence while no window is full."""
        return total(self.tensors, lambda one: one.bytes_per_token)

    @property
    def bytes_per_token_at_context(self) -> float | None:
        """Bytes for the next token of a sequence."""
        return total(self.tensors, lambda one: one.bytes_per_next)


@dataclass(frozen=True, slots=True)
class Cache:
    """What a decoder keeps of a context.

    context, batch:
        tokens of a sequence, and sequences.
    traced:
        tokens at which it was seen; fewer than `context` where a line was drawn on from there.
    stepwise:
        whether tokens were added one by one; else every figure is of texts that were given at once.
    encoder:
        positions of what the encoder said; None without one.
    notes:
        what to know of the figures, in words.
    """

    context: int
    batch: int
    layers: tuple[CacheLayer, ...]
    traced: int
    stepwise: bool = True
    encoder: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int | None:
        """Bytes kept for the context and the batch, when the last token has been added by itself."""
        return total(self.layers, lambda one: one.nbytes)

    @property
    def after_prefill(self) -> int | None:
        """Bytes kept when the whole context was given at once, until the next token.

        More, where a window is kept as a view of the whole.
        """
        return total(self.layers, lambda one: one.after_prefill)

    @property
    def bytes_per_token(self) -> float | None:
        """Bytes for each token of a sequence while no window is full."""
        return total(self.layers, lambda one: one.bytes_per_token)

    @property
    def bytes_per_token_at_context(self) -> float | None:
        """Bytes that the next token of a sequence costs, at this context."""
        return total(self.layers, lambda one: one.bytes_per_token_at_context)

    def by_kind(self) -> dict[str, tuple[CacheLayer, ...]]:
        """Layers by what they are, the first kind first."""
        found: dict[str, list[CacheLayer]] = {}
        for layer in self.layers:
            found.setdefault(layer.kind, []).append(layer)
        return {kind: tuple(layers) for kind, layers in found.items()}

    def at(self, context: int, batch: int | None = None, *, prefill: bool = False) -> int | None:
        """Bytes kept for another context and batch, by what its layers are; None where that does not tell.

        prefill:
            when the whole context was given at once, as `after_prefill`.
        """
        batch = self.batch if batch is None else batch
        return total(
            [tensor for layer in self.layers for tensor in layer.tensors],
            lambda one: _elsewhere(one, self, context, batch, prefill=prefill),
        )


def _elsewhere(one: CacheTensor, cache: Cache, context: int, batch: int, *, prefill: bool) -> int | None:
    """Bytes of one tensor for another context and batch."""
    kept = one.after_prefill if prefill else one.nbytes
    if kept is None or one.nbytes is None or one.bytes_per_token is None:
        return None
    a_token = Fraction(one.bytes_per_token) * cache.batch
    if one.kind == "scalar":
        return kept
    if one.kind in ("state", "cross"):
        found = Fraction(kept)
    elif one.kind in ("full", "latent") and kept == one.nbytes:
        found = kept + a_token * (context - cache.context)
    elif one.window is not None:
        if kept > one.nbytes and kept != a_token * cache.context:
            return None
        if prefill and cache.context <= one.window < context:  # whether it is a view was not seen
            return None
        found = a_token * (context if kept > one.nbytes else min(context, one.window))
    else:
        return None
    found = found * batch / cache.batch
    return found.numerator if found.denominator == 1 else None


def total(items: Iterable[_Item], figure: Callable[[_Item], _Number | None]) -> _Number | None:
    """The sum of a figure; None where one of them is not known."""
    figures = [figure(item) for item in items]
    return None if None in figures else sum(one for one in figures if one is not None)
