"""The largest batch, or sequence, whose step fits in so much memory, and what to change if it is too small.

Each size that is tried is recorded as a whole. A step's memory is near a straight line in the batch, so that
two sizes tell where the next try should be, and what is answered was tried: the size fits, the one after it
does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from netscope.answers.check.limit import amount_of
from netscope.answers.memory.allocator import ROUND_LARGE, replay
from netscope.answers.memory.changes import Candidate, Plan, candidates
from netscope.answers.memory.reserve import allocations_of
from netscope.answers.memory.timeline import timeline_of
from netscope.base.errors import TraceError, UsageError, said
from netscope.base.workload import TensorSpec, Workload
from netscope.formulas.registry import cost_of
from netscope.machine.timing.devices import spec_of
from netscope.report.memory import Change, Fit, Tried
from netscope.report.report import Report
from netscope.trace.step.facts import Step

OVER: Final = ("batch", "sequence", "context")
# Beyond it nobody asks.
BOUND: Final = 2**24
# Where to try after 1 when nothing else is said.
_SECOND: Final = 8
# So many tries by straight lines; then by halves.
_SECANTS: Final = 12
# So often is looked behind an answer for a larger size that fits after all.
ROUNDS: Final = 3
# Less than this without a unit was meant as something else.
_LEAST: Final = 2**20
# Changes whose own largest size is searched for.
_BEST: Final = 2

# Is told what is being done, and the share that is done.
Watcher = Callable[[str, float], None]
# What records one; what it raises says why there is no such step.
Record = Callable[[Plan], Step]


class Asked(NamedTuple):
    """What is asked: to fit so many bytes, and by which size.

    machine:
        whose memory that is; None for a plain number of bytes.
    """

    limit: int
    machine: str | None
    over: str


def asked(fit: str | int, over: str) -> Asked:
    """Read `fit="24GiB"` or `fit="h200"`, and what is to vary.

    Raises:
        UsageError: it is no amount and no machine's name, or nothing varies so.
    """
    if over not in OVER:
        raise UsageError(f"nothing is fitted over {str(over)[:40]!r}.", hint=f"give one of {', '.join(OVER)}")
    text = str(fit).strip()
    if text[:1].isdigit() or text[:1] in ("-", "."):
        limit = amount_of(text, "bytes")
        if limit < _LEAST:
            raise UsageError(f"{text!r} is less than any network takes.", hint="write 24GiB, or 800MiB")
        return Asked(int(limit), None, over)
    spec = spec_of(text)
    if spec.memory is None:
        raise UsageError(f"the memory of {spec.name} is not known.", hint="write it, as in 24GiB")
    return Asked(spec.memory, spec.name, over)


# The search


class Found(NamedTuple):
    """The largest size that fits, and all that were tried.

    largest:
        0 where none fits.
    following:
        the next size, which does not.
    tried:
        {size: bytes}; None where there is no such step, as `refused` says of the first of these.
    """

    largest: int
    following: int
    tried: dict[int, int | None]
    refused: str | None


def search(
    peak: Callable[[int], int], limit: int, start: int = 1, bound: int = BOUND, rounds: int = ROUNDS
) -> Found:
    """The largest size up to a bound whose peak is within the limit, while that of the next is not.

    start:
        where to try after 1.
    rounds:
        so often is looked behind the answer for a larger size that fits after all.
    """
    return _Hunt(peak, limit, bound).run(start if start > 1 else _SECOND, rounds)


class _Hunt:
    def __init__(self, peak: Callable[[int], int], limit: int, bound: int) -> None:
        self._peak = peak
        self._limit = limit
        self._bound = bound
        self.tried: dict[int, int | None] = {}
        self.refused: str | None = None
        self._error: Exception | None = None

    def run(self, start: int, rounds: int) -> Found:
        first = 1
        if not self._fits(1) and self.tried[1] is None:
            first = 2  # of one alone a batch has no variance
            self._fits(2)
            if self.tried[2] is None and self._error is not None:
                raise self._error
        if not self._fits(first):
            return Found(0, first, self.tried, self.refused)
        low = self._between(first, None, start)
        for _ in range(rounds):
            again = next((size for size in self._beyond(low + 1) if self._fits(size)), None)
            if again is None:
                break
            low = self._between(again, None, 2 * again)
        return Found(low, low + 1, self.tried, self.refused)

    def _fits(self, size: int) -> bool:
        if size not in self.tried:
            try:
                self.tried[size] = self._peak(size)
            except (TraceError, UsageError) as error:
                self.tried[size] = None
                self._error = error
                if size > 1:
                    self.refused = self.refused or said(error)
        nbytes = self.tried[size]
        return nbytes is not None and nbytes <= self._limit

    def _between(self, low: int, high: int | None, guess: int) -> int:
        """From one that fits up to one that fits while the next does not, or the bound."""
        tries = 0
        while low < self._bound and (high is None or high - low > 1):
            guess = max(low + 1, min(guess, self._bound if high is None else high - 1))
            if self._fits(guess):
                low = guess
            else:
                high = guess
            tries += 1
            guess = self._line(low, high) if tries < _SECANTS or high is None else (low + high) // 2
        return low

    def _line(self, low: int, high: int | None) -> int:
        """Where the straight line through two known sizes comes to the limit.

        Through two that fit it comes there late, as a peak grows faster at larger sizes if not evenly, and
        through one on each side early.
        """
        below = sorted(size for size, nbytes in self.tried.items() if nbytes is not None and size <= low)
        room = self._limit - (self.tried[low] or 0)
        if len(below) > 1:
            slope = ((self.tried[low] or 0) - (self.tried[below[-2]] or 0)) / (low - below[-2])
            guess = low + int(room / slope) if slope > 0 else self._bound
            if high is None or guess < high:
                return max(guess, low + 1)
        above = None if high is None else self.tried.get(high)
        if high is None or above is None:
            return _SECOND * low if high is None else (low + high) // 2
        return low + int(room * (high - low) / (above - (self.tried[low] or 0)))

    def _beyond(self, high: int) -> Iterator[int]:
        """Sizes to look at behind the first one that does not fit: a rounded one may take less."""
        if high <= self._bound and self.tried.get(high) is not None:
            for size in sorted({high + 1, (high // 8 + 1) * 8}):
                if size <= self._bound:
                    yield size


# What varies


def length_of(workload: Workload) -> int | None:
    """The length of the sequence that a network is called with; None where it takes none.

    That of the first token ids (batch, length), else of the first features (batch, length, ...).
    """
    specs = [leaf for leaf in _leaves((workload.args, workload.kwargs)) if isinstance(leaf, TensorSpec)]
    tokens = [spec for spec in specs if len(spec.shape) == 2 and spec.dtype in ("int64", "int32")]
    features = [
        spec for spec in specs if len(spec.shape) == 3 and spec.dtype not in ("int64", "int32", "bool")
    ]
    return next((spec.shape[1] for spec in (*tokens, *features)), None)


def with_length(workload: Workload, length: int) -> Workload:
    """The same call with a sequence of another length, wherever its length stands."""
    before = length_of(workload)

    def resized(leaf: Any) -> Any:
        if not isinstance(leaf, TensorSpec):
            return leaf
        # In a mask for attention it stands twice, behind the heads.
        places = (1,) if len(leaf.shape) < 4 else range(2, len(leaf.shape))
        shape = [
            length if place in places and size == before else size for place, size in enumerate(leaf.shape)
        ]
        return TensorSpec(tuple(shape), leaf.dtype)

    return replace(workload, args=_mapped(workload.args, resized), kwargs=_mapped(workload.kwargs, resized))


def longest(workload: Workload) -> int | None:
    """The most positions that a network's configuration allows; None where it does not say."""
    config = getattr(workload.module, "config", None)
    for one in (config, getattr(config, "text_config", None)):
        most = getattr(one, "max_position_embeddings", None)
        if type(most) is int and most > 0:
            return most
    return None


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(item, change) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_mapped(item, change) for item in value)
    return change(value)


# The answer


class _Book:
    """What was recorded of each plan."""

    def __init__(self, record: Record, watch: Watcher | None) -> None:
        self._record = record
        self._watch = watch
        self._peaks: dict[Plan, int] = {}
        self._macs: dict[Plan, int | None] = {}

    def knows(self, plan: Plan, step: Step) -> None:
        """One that is recorded already."""
        self._peaks[plan], self._macs[plan] = needed(step), _macs(step)

    def peak(self, plan: Plan) -> int:
        """What must fit of it."""
        if plan not in self._peaks:
            self._see(plan)
        return self._peaks[plan]

    def macs(self, plan: Plan) -> int | None:
        """Of its step."""
        if plan not in self._macs:
            self._see(plan)
        return self._macs[plan]

    def _see(self, plan: Plan) -> None:
        if self._watch is not None:
            size = f"batch {plan.batch:,}" + ("" if plan.length is None else f" of length {plan.length:,}")
            # How many there will be nobody knows before; there are about twenty.
            self._watch(f"recording a step of {size}", len(self._peaks) / (len(self._peaks) + 6))
        self.knows(plan, self._record(plan))


def fitted(
    report: Report,
    wanted: Asked,
    plan: Plan,
    record: Record,
    *,
    named: bool,
    positions: int | None = None,
    watch: Watcher | None = None,
) -> Fit:
    """The largest that fits, and what to change.

    report:
        with its memory, of the plan as it is.
    named:
        whether the network was built from a name, so that its dtype can be another.
    positions:
        that the network's configuration has; longer sequences are not tried.
    watch:
        called with what is being done and a share of it.
    """
    bound, bound_by = (BOUND, None) if positions is None else (positions, "max_position_embeddings")
    memory = report.memory
    assert memory is not None
    by_batch = wanted.over == "batch"
    asked_for = plan.batch if by_batch else plan.length
    assert asked_for is not None

    def sized(size: int) -> Plan:
        return plan._replace(batch=size) if by_batch else plan._replace(length=size)

    book = _Book(record, watch)
    if report.step is not None:
        book.knows(plan, report.step)
    found = search(lambda size: book.peak(sized(size)), wanted.limit, asked_for, bound)
    size = max(found.largest, asked_for)
    base = book.peak(sized(size))
    changes: list[tuple[Candidate, Change]] = []
    for candidate in candidates(report, sized(size), named):
        changed = candidate.plan(sized(size))
        try:
            nbytes = book.peak(changed)
        except (TraceError, UsageError):
            continue  # the network does not run so
        if nbytes < base:
            told = Change(
                candidate.what,
                candidate.typed,
                base - nbytes,
                nbytes,
                book.macs(changed),
                candidate.arithmetic,
            )
            changes.append((candidate, told))
    changes.sort(key=lambda one: -one[1].saves)
    kinds: set[str] = set()
    for place, (candidate, told) in enumerate(changes):
        if candidate.kind in kinds or len(kinds) == _BEST:
            continue
        kinds.add(candidate.kind)

        def peak(size: int, candidate: Candidate = candidate) -> int:
            return book.peak(candidate.plan(sized(size)))

        again = search(peak, wanted.limit, size, bound, rounds=0)
        changes[place] = candidate, told._replace(largest=again.largest)
    next_peak = found.tried.get(found.following)
    return Fit(
        limit=wanted.limit,
        machine=wanted.machine,
        over=wanted.over,
        measure="allocated" if memory.device == "cpu" else "reserved",
        at_rest=memory.step.parts[0].begin,
        largest=found.largest,
        peak=found.tried[found.largest] if found.largest else None,
        next_size=found.following,
        next_peak=next_peak,
        refused=found.refused if found.following in found.tried and next_peak is None else None,
        bound=bound if found.largest >= bound else None,
        bound_by=bound_by if found.largest >= bound else None,
        tried=tuple(Tried(one, found.tried[one]) for one in sorted(found.tried)),
        size=size,
        size_peak=base,
        macs=book.macs(sized(size)),
        changes=tuple(told for _, told in changes),
    )


def needed(step: Step) -> int:
    """The least memory that a step can be served with.

    On a processor the most that is alive. The allocator of a GPU needs more, as free memory lies in pieces;
    it is tried with less and less. Where it has no more it gives free segments back, which takes time.
    """
    if step.device == "cpu":
        return timeline_of(step).peak
    events = list(allocations_of(step))
    freely = replay(events)
    # Segments are of so many bytes, so no capacity between two of these serves more.
    none, enough = (
        -(-freely.peak_allocated.nbytes // ROUND_LARGE) - 1,
        -(-freely.peak_reserved.nbytes // ROUND_LARGE),
    )
    while enough - none > 1:
        between = (none + enough) // 2
        if replay(events, capacity=between * ROUND_LARGE).out_of_memory is None:
            enough = between
        else:
            none = between
    return enough * ROUND_LARGE


def _macs(step: Step) -> int | None:
    """Of all operators of the step; None where one is not known."""
    first = next((phase.op for phase in step.phases if phase.name != "state"), 0)
    total = 0
    for op in step.trace.ops[first:]:
        cost = cost_of(op.operator)
        if cost is None:
            return None
        total += cost.macs
    return total
