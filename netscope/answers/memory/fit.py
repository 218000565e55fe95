"""The largest batch, or sequence, whose step fits in so much memory, and what to change if it is too small.

Each size that is tried is recorded as a whole. A step's memory is near a straight line in the batch, so that
two sizes tell where the next try should be, and what is answered was tried: the size fits, the one after it
does not.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from netscope.answers.check.limit import amount_of
from netscope.answers.memory.remember import step_memory
from netscope.base import units
from netscope.base.errors import TraceError, UsageError, said
from netscope.base.workload import TensorSpec, Workload
from netscope.formulas.registry import cost_of
from netscope.machine.timing.devices import spec_of
from netscope.report.layer import Layer
from netscope.report.memory import Change, Fit, StepMemory, Tried
from netscope.report.report import Report
from netscope.report.tree import children_of
from netscope.trace.step.facts import Step
from netscope.trace.step.optimizers import read as read_optimizer
from netscope.trace.step.program import Recipe

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
# Ways to checkpoint that are tried, and patterns that somebody would type for one.
_CHECKPOINTS: Final = 2
_PATTERNS: Final = 6
# Changes whose own largest size is searched for.
_BEST: Final = 2


class Plan(NamedTuple):
    """One step that can be recorded.

    length:
        of the input's sequence; None as it is.
    dtype:
        of the network; None as it is.
    """

    batch: int
    length: int | None
    dtype: str | None
    recipe: Recipe


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

    def knows(self, plan: Plan, memory: StepMemory) -> None:
        """What is known of one already."""
        self._peaks[plan] = _compared(memory)

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
        step = self._record(plan)
        self._peaks[plan], self._macs[plan] = _compared(step_memory(step)), _macs(step)


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
    book.knows(plan, memory.step)
    found = search(lambda size: book.peak(sized(size)), wanted.limit, asked_for, bound)
    size = max(found.largest, asked_for)
    base = book.peak(sized(size))
    changes: list[tuple[_Candidate, Change]] = []
    for candidate in _candidates(report, sized(size), named):
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

        def peak(size: int, candidate: _Candidate = candidate) -> int:
            return book.peak(candidate.plan(sized(size)))

        again = search(peak, wanted.limit, size, bound, rounds=0)
        changes[place] = candidate, told._replace(largest=again.largest)
    next_peak = found.tried.get(found.following)
    return Fit(
        limit=wanted.limit,
        machine=wanted.machine,
        over=wanted.over,
        measure="allocated" if memory.step.reserved is None else "reserved",
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


def _compared(memory: StepMemory) -> int:
    """What must fit: segments where there is an allocator that has them, else what is alive."""
    return memory.peak if memory.reserved is None else memory.reserved.reserved


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


# What could be changed


class _Candidate(NamedTuple):
    """Something to try.

    kind:
        of several of one kind the best one is enough.
    typed:
        on the command line.
    arithmetic:
        whether the results are others, by more than the order of additions.
    """

    kind: str
    what: str
    typed: str
    arithmetic: bool
    plan: Callable[[Plan], Plan]


def _candidates(report: Report, plan: Plan, named: bool) -> Iterator[_Candidate]:
    memory = report.memory
    assert memory is not None
    recipe = plan.recipe

    def by(**changes: Any) -> Callable[[Plan], Plan]:
        return lambda plan: plan._replace(recipe=replace(plan.recipe, **changes))

    if recipe.amp is None and plan.dtype in (None, "float32"):
        yield _Candidate("amp", "autocast to bfloat16", "--amp bf16", True, by(amp="bfloat16"))
    if named and plan.dtype in (None, "float32"):
        yield _Candidate(
            "dtype",
            "everything in bfloat16",
            "--dtype bf16",
            True,
            lambda plan: plan._replace(dtype="bfloat16"),
        )
    if memory.training is None:
        return
    for patterns in checkpoints(report):
        if patterns == recipe.checkpoint:
            continue
        yield _Candidate(
            "checkpoint",
            f"checkpoint {', '.join(patterns)}",
            " ".join(f"--checkpoint '{pattern}'" for pattern in patterns),
            False,
            by(checkpoint=patterns),
        )
    for optimizer, arithmetic in _optimizers(recipe.optimizer, memory.device):
        yield _Candidate(
            "optimizer",
            f"optimizer {optimizer}",
            f"--optimizer {optimizer}",
            arithmetic,
            by(optimizer=optimizer),
        )
    if plan.batch > 1:
        batches = 2 * recipe.accumulate
        normed = any(layer.type.startswith(("BatchNorm", "SyncBatchNorm")) for layer in report.layers)

        def halved(plan: Plan) -> Plan:
            return plan._replace(
                batch=-(-plan.batch // 2), recipe=replace(plan.recipe, accumulate=2 * plan.recipe.accumulate)
            )

        half = halved(plan).batch
        yield _Candidate(
            "accumulate",
            f"{units.count(batches)} batches of {units.count(half)} a step",
            f"--batch {half} --accumulate {batches}",
            normed,  # statistics are of a batch
            halved,
        )
    if not recipe.set_to_none:
        yield _Candidate(
            "gradients",
            "let gradients go: zero_grad()",
            "without --keep-gradients",
            False,
            by(set_to_none=True),
        )


def _optimizers(chosen: Any, device: str) -> Iterator[tuple[str, bool]]:
    """Others to try, and whether they are another arithmetic."""
    import inspect

    if chosen is None:
        return
    name = ""
    if isinstance(chosen, str):
        cls, given = read_optimizer(chosen)
        name = cls.__name__.lower()
        taken = inspect.signature(cls).parameters
        also = f"{chosen}{',' if ':' in chosen else ':'}"
        if not given.get("fused") and not given.get("foreach"):
            if "fused" in taken and "foreach" not in given:
                yield f"{also}fused=true", False
            if "foreach" in taken and device != "cpu" and "foreach" not in given:
                yield f"{also}foreach=false", False
    for other in ("sgd:momentum=0.9", "adafactor"):
        if other.partition(":")[0] != name:
            yield other, True


def checkpoints(report: Report) -> list[tuple[str, ...]]:
    """Patterns of the blocks that a network repeats, those first of which most is kept for the backward.

    Blocks are siblings of one type with layers inside them, wherever such siblings are: those of all stages
    of a convolutional network go together.
    """
    layers = report.layers
    children = children_of(layers)

    def inside(index: int) -> list[int]:
        return [child for child in children[index] if layers[child].kind == "module"]

    groups: dict[str, list[int]] = {}
    for index in range(len(layers)):
        kinds: dict[str, list[int]] = {}
        for child in inside(index):
            if inside(child):
                kinds.setdefault(layers[child].type, []).append(child)
        for kind, blocks in kinds.items():
            if len(blocks) > 1:
                groups.setdefault(kind, []).extend(blocks)
    found: dict[tuple[str, ...], int] = {}
    paths = [layer.path for layer in layers if layer.kind == "module" and layer.path]
    for blocks in groups.values():
        patterns = _patterns([layers[block].path for block in blocks], paths)
        if patterns is not None:
            found[patterns] = sum(_saved(layers[block]) for block in blocks)
    return sorted((one for one in found if found[one]), key=lambda one: -found[one])[:_CHECKPOINTS]


def _saved(layer: Layer) -> int:
    return (layer.memory.saved or 0) if layer.memory is not None else 0


def _patterns(wanted: Sequence[str], paths: Sequence[str]) -> tuple[str, ...] | None:
    """The fewest patterns that choose these modules and no others; None where that takes many."""
    around = list(dict.fromkeys(path.rpartition(".")[0] for path in wanted))
    ways = [[f"{_shortened(around)}.*"], [f"{path}.*" for path in around], [_shortened(wanted)], wanted]
    for way in ways:
        if len(way) <= _PATTERNS and _chosen(way, paths) == set(wanted):
            return tuple(way)
    return None


def _shortened(names: Sequence[str]) -> str:
    """One pattern for names that differ in some signs only: "layer?", or in all from one on: "layers.*"."""
    if len({len(name) for name in names}) == 1:
        return "".join(signs[0] if len(set(signs)) == 1 else "?" for signs in zip(*names, strict=True))
    first, last = min(names), max(names)
    same = next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return f"{first[:same]}*"


def _chosen(patterns: Sequence[str], paths: Sequence[str]) -> set[str]:
    """The modules that are computed again as a whole: those around others that match."""
    matching = [path for path in paths if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)]
    found: set[str] = set()
    for path in matching:  # in preorder: what is around comes first
        parts = path.split(".")
        if not any(".".join(parts[:count]) in found for count in range(1, len(parts))):
            found.add(path)
    return found
