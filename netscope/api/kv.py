"""The cache of a decoder, from traces of its forward at a few lengths of text."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack

from netscope.api.reading import reader
from netscope.base import arguments, collector
from netscope.base.errors import TraceError, UsageError, said
from netscope.base.request import How, Request
from netscope.base.workload import TensorSpec, Workload

if TYPE_CHECKING:
    from netscope.api.reading import Model
    from netscope.report.cache import Cache
    from netscope.trace import Trace
    from netscope.trace.decoding import Held

# The arguments that are a text, the one that is written first.
_TEXTS: Final = ("decoder_input_ids", "input_ids", "decoder_inputs_embeds", "inputs_embeds")
# Far beyond any window. A power of two, so that steps of 4 or 128 tokens come out even.
_BEYOND: Final = 2**20
# Operators of one forward that are still worth tracing: a second. Some networks go through a text in Python.
_MOST: Final = 100_000
# Tokens of all sequences at which a network is still run on real tensors.
_MOST_REAL: Final = 512
# Lengths at which to see whether a longer text takes more operators.
_TRIED: Final = (8, 4096)


def cache_of(model: Model, *, context: int, **how: Unpack[How]) -> Cache:
    """What a decoder keeps of a context: `cache_of("hf/llama", context=32768, batch=8).nbytes`.

    The forward is traced without data, with `use_cache=True` where it takes that, on texts of several
    lengths, and token by token. What it hands back is what is counted.

    Args:
        model: a name, a module or a Workload, as for `summary`.
        context: tokens of each sequence.
        how: what `summary` takes beside the model: input, args, kwargs, batch, dtype, options. The text is
            the argument named decoder_input_ids or input_ids, else the first of integers; its length does not
            matter, and its rows are made to be `batch` if that is given. A cache to be filled may be in
            `kwargs`.

    Returns:
        a frozen Cache.

    Raises:
        UsageError: the network hands no cache back, or takes no text; a report has no network; a wrong call.
        TraceError: the forward raised at that length.
        else what `summary` raises of a name.
    """
    request = Request(**how)
    found = reader(model)
    if found.ready:
        raise UsageError(
            "a report has no network that could be given a text.", hint="name the model that it is of"
        )
    workload = found.read(request)
    assert isinstance(workload, Workload)
    return workload_cache(workload, context=context, batch=sequences_of(workload, request.batch))


def sequences_of(workload: Workload, batch: int) -> int | None:
    """How many sequences are meant by a batch, where 1 may not have been said; None for the workload's own.

    Arguments have sequences of their own; of transformers' a sequence may take several rows: code books.
    """
    return batch if batch != 1 or workload.source == "hf" else None


@collector.paused()
def workload_cache(workload: Workload, *, context: int, batch: int | None = None) -> Cache:
    """The same of a network that was read.

    batch:
        sequences; as many as the workload has without it.

    Raises:
        as `cache_of` does.
    """
    from netscope.answers.memory.cache import Seen, cache_from

    if not arguments.is_whole(context) or context < 1:
        raise UsageError(f"a context of {arguments.told(context)} tokens does not exist.", hint="write 32768")
    texts = _Texts.of(workload, batch)
    way = _Way(texts, stepwise=True)
    first = way.short()
    notes = []
    if isinstance(first, str):
        notes.append(f"no token could be added to what is kept ({first}): all is of texts given at once")
        way = _Way(way.texts, stepwise=False)
        first = way.short()
        assert not isinstance(first, str)
    at = min(context, way.longest)
    if at < context:
        notes.append(
            f"seen with {at:,} tokens and drawn on from there: {way.limit}. A window of more passes for none"
        )
    here, more, prefill = way.around(at)
    beyond = _BEYOND
    while beyond and (at + beyond > way.longest // 2 or way.too_large(at + beyond)):
        beyond //= 2
    far = way.far(at + beyond) if beyond >= min(at, 1024) else None
    if far is None and at == context:
        notes.append(f"not seen beyond {at:,} tokens: a window that is larger passes for none")
    seen = Seen(first, at, here, more, prefill, far, beyond if far is not None else 0)
    return cache_from(
        seen,
        context=int(context),
        batch=texts.batch,
        stepwise=way.stepwise,
        encoder=way.encoder,
        notes=notes,
    )


class _Failed(NamedTuple):
    error: BaseException
    path: str
    not_real: str


class _Way:
    """How the texts are run, and what came of it.

    longest, limit:
        tokens that can be traced in a moment, and why not more; known when the short text was run.
    """

    def __init__(self, texts: _Texts, *, stepwise: bool) -> None:
        self.texts = texts
        self.stepwise = stepwise
        self.encoder: int | None = None
        self.longest = 2**62
        self.limit = "a longer text takes more operators than can be traced in a moment"

    def short(self) -> tuple[Sequence[Held], Sequence[Held], Sequence[Held]] | str:
        """What is kept of 3, 4 and 5 tokens; where none can be added, why.

        Raises:
            UsageError: nothing is handed back.
            TraceError: the forward raised over texts given at once.
        """
        from netscope.answers.memory.cache import SHORT

        few = SHORT[0]
        lengths: list[tuple[int, ...]] = (
            [(few - 1, 1, 1, 1)] if self.stepwise else [(length,) for length in SHORT]
        )
        lengths.append((_TRIED[0],))
        found = self._run(lengths)
        if isinstance(found, _Failed) and self.texts.on_demand and "use_cache" in said(found.error):
            self.texts = self.texts._replace(on_demand=False)
            found = self._run(lengths)
        if isinstance(found, _Failed):
            if self.stepwise and not isinstance(self._run([(few,)]), _Failed):
                return said(found.error)
            raise self._error(found, few)
        trace, held = found
        if not held:
            name = self.texts.workload.name
            raise UsageError(
                f"{name} keeps no cache: its forward hands nothing back to be given again.",
                hint="what is kept in a network's own buffers counts among these",
            )
        if self.stepwise and len(held[0]) <= len(SHORT):
            return "the forward takes none"
        if self.stepwise and _elements(held[0][1]) < _elements(held[0][0]):
            return "the forward begins anew"
        self._measure(trace, (few - 1) if self.stepwise else few)
        first, second, third = held[0][1:] if self.stepwise else [text[0] for text in held[: len(SHORT)]]
        return first, second, third

    def _measure(self, trace: Trace, shortest: int) -> None:
        """Find how long a text may be: of networks that go through it in Python, not very."""
        from netscope.answers.memory.cache import SHORT
        from netscope.trace.decoding import operators

        if trace.rung == "real":
            most = _MOST_REAL // self.texts.batch - 1  # one is added
            self.longest = max(SHORT[-1], most)
            self.limit = "it takes real tensors, and a longer text much time"
            return
        count = operators(trace)
        most, length = count[-1], _TRIED[0]
        per_token = (most - count[0]) / (length - shortest)
        while length < _TRIED[1]:
            tried = _TRIED[1] if per_token <= 0 else length * 4  # it may have been a step, and not a slope
            if most + per_token * (tried - length) > _MOST:
                break
            found = self._run([(tried,)])
            if isinstance(found, _Failed):
                break
            before, most = most, operators(found[0])[0]
            per_token, length = (most - before) / (tried - length), tried
        if per_token > 0:
            self.longest = length + max(0, int((_MOST - most) / per_token))

    def around(self, at: int) -> tuple[Sequence[Held], Sequence[Held], Sequence[Held] | None]:
        """What is kept of so many tokens and of one more, and of as many given at once."""
        lengths: list[tuple[int, ...]] = [(at,), (at + 1,)]
        if self.stepwise:
            lengths = [(at,), (at - 1, 1, 1)] if at > 1 else [(1, 1)]
        found = self._run(lengths)
        if isinstance(found, _Failed):
            raise self._error(found, at)
        held = found[1]
        if not self.stepwise:
            return held[0][0], held[1][0], None
        return (held[1][1], held[1][2], held[0][0]) if at > 1 else (held[0][0], held[0][1], None)

    def far(self, length: int) -> Sequence[Held] | None:
        """What is kept of so many; None where the network cannot be given that many."""
        found = self._run([(length - 1, 1)] if self.stepwise else [(length,)], ladder=("meta",))
        return None if isinstance(found, _Failed) else found[1][0][-1]

    def too_large(self, length: int) -> bool:
        """Whether sizes of attention over so many tokens are past what torch can count."""
        return self.texts.batch * length * length * 2**12 >= 2**63

    def _run(
        self, lengths: Sequence[tuple[int, ...]], ladder: tuple[str, ...] = ()
    ) -> tuple[Trace, list[list[tuple[Held, ...]]]] | _Failed:
        """The trace of texts of these lengths, and what was kept after each call."""
        from netscope.trace import LADDER, ForwardError, record
        from netscope.trace.decoding import encoder_length, held, own_path

        longest = max(map(sum, lengths))
        real = longest <= _TRIED[0] or longest * self.texts.batch <= _MOST_REAL
        try:
            trace = record(self.texts.calls(lengths), ladder=ladder or (LADDER if real else LADDER[:-1]))
        except ForwardError as failure:
            return _Failed(failure.__cause__ or failure, own_path(failure.trace.error_path), failure.not_real)
        self.encoder = encoder_length(trace)
        return trace, held(trace)

    def _error(self, failed: _Failed, length: int) -> TraceError:
        name = self.texts.workload.name
        where = f" in {failed.path}" if failed.path else ""
        hint = f"it was not tried on real tensors: {failed.not_real}" if failed.not_real else None
        error = TraceError(
            f"{name}: the forward failed{where} on a text of {length:,} tokens: {said(failed.error)}",
            hint=hint,
            path=failed.path,
        )
        error.__cause__ = failed.error
        return error


def _elements(tensors: Sequence[Held]) -> int:
    return sum(one.spec.numel for one in tensors)


class _Texts(NamedTuple):
    """A network's call, to be made of texts of any length.

    place:
        the argument that is the text: a position or a name.
    rows, length:
        the first two sizes that it has in the workload.
    wanted:
        the rows that it is to have.
    batch:
        sequences that these are.
    on_demand:
        whether the forward is told that a cache is wanted.
    """

    workload: Workload
    place: int | str
    rows: int
    length: int
    wanted: int
    batch: int
    on_demand: bool

    @classmethod
    def of(cls, workload: Workload, batch: int | None) -> _Texts:
        """Raises UsageError where nothing is a text."""
        given: dict[int | str, Any] = dict(enumerate(workload.args))
        given.update(workload.kwargs)
        named = [name for name in _TEXTS if name in given]
        ids = [name for name, value in given.items() if _is_ids(value)]
        vectors = [name for name, value in given.items() if len(_shape(value)) == 3]
        # In transformers texts have names, and what has none of these is an image or a sound.
        found = named if workload.source == "hf" else [*named, *ids, *vectors]
        place = next(iter(found), None)
        if place is None or len(_shape(given[place])) < 2:
            raise UsageError(
                f"{workload.name} takes no text: none of its inputs is of tokens.",
                hint="--context is for networks that write a text token by token",
            )
        rows, length, *_ = _shape(given[place])
        batch = rows if batch is None else batch
        if batch < 1 or rows < 1 or length < 1:
            raise UsageError("nothing is kept of no sequences.", hint="give batch=1 or more")
        wanted = rows if workload.rebuild else batch
        return cls(workload, place, rows, length, wanted, batch, _caches_on_demand(workload.module))

    def calls(self, lengths: Sequence[tuple[int, ...]]) -> Workload:
        """The workload in which texts of these lengths are run, each with what is added to it."""
        from netscope.trace.decoding import Decoding

        texts = [self._text(parts) for parts in lengths]
        rebuild = self.workload.rebuild
        return replace(
            self.workload,
            module=Decoding(self.workload.module),
            args=(texts,),
            kwargs={},
            rebuild=None if rebuild is None else lambda: Decoding(rebuild()),
        )

    def _text(self, parts: tuple[int, ...]) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """Its calls. What is no tensor may be a cache to be filled, of which each text has one of its own."""
        calls = [self._call(sum(parts[:index]), new) for index, new in enumerate(parts)]
        own: dict[int, Any] = {}
        return [
            (
                tuple(_own(value, own) for value in args),
                {name: _own(value, own) for name, value in kwargs.items()},
            )
            for args, kwargs in calls
        ]

    def _call(self, before: int, new: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
        from netscope.trace.decoding import taken

        names = [*taken(self.workload.module), *range(len(self.workload.args))]
        args = tuple(
            self._sized(name, value, before, new)
            for name, value in zip(names, self.workload.args, strict=False)
        )
        kwargs = {name: self._sized(name, value, before, new) for name, value in self.workload.kwargs.items()}
        if self.on_demand:
            kwargs["use_cache"] = True
        return args, kwargs

    def _sized(self, place: int | str, value: Any, before: int, new: int) -> Any:
        """An argument for a text that goes on: masks are of all tokens, the rest of the new ones."""
        shape = _shape(value)
        if not shape or shape[0] != self.rows:
            return value
        sizes = [self.wanted, *shape[1:]]
        if shape[1:2] == (self.length,) and _decodes(place) == _decodes(self.place):
            sizes[1] = before + new if "mask" in str(place) else new
        return _resized(value, tuple(sizes))


def _caches_on_demand(network: Any) -> bool:
    """Whether a forward can be told so, as far as its signature says."""
    from netscope.trace.decoding import taken, takes_any

    return "use_cache" in taken(network) or (hasattr(network, "config") and takes_any(network))


def _own(value: Any, made: dict[int, Any]) -> Any:
    if _shape(value):
        return value
    try:
        return copy.deepcopy(value, made)
    except Exception:  # noqa: BLE001 - somebody's object, which is then each text's
        return value


def _decodes(place: int | str) -> bool:
    return str(place).startswith("decoder_")


def _shape(value: Any) -> tuple[int, ...]:
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else ()


def _is_ids(value: Any) -> bool:
    return "int" in str(getattr(value, "dtype", "")) and len(_shape(value)) == 2


def _resized(value: Any, shape: tuple[int, ...]) -> Any:
    """The same in other sizes; what a tensor says is said again, as often as it takes."""
    if isinstance(value, TensorSpec):
        return replace(value, shape=shape)
    import torch

    if tuple(value.shape) == shape:
        return value
    for dim, size in enumerate(shape):
        if value.shape[dim] != size:
            value = value.index_select(dim, torch.arange(size, device=value.device) % value.shape[dim])
    return value
