"""What to change in a step that does not fit: each as a plan that can be recorded, and as what to type."""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from netscope.base import units
from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.report.tree import children_of
from netscope.trace.step.optimizers import read as read_optimizer
from netscope.trace.step.program import Recipe

# Ways to checkpoint that are tried, and patterns that somebody would type for one.
_CHECKPOINTS: Final = 2
_PATTERNS: Final = 6


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


class Candidate(NamedTuple):
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


def candidates(report: Report, plan: Plan, named: bool) -> Iterator[Candidate]:
    """What to try at a plan.

    report:
        with its memory; layers are those that it keeps most of.
    named:
        whether the network was built from a name, so that its dtype can be another.
    """
    memory = report.memory
    assert memory is not None
    recipe = plan.recipe

    def by(**changes: Any) -> Callable[[Plan], Plan]:
        return lambda plan: plan._replace(recipe=replace(plan.recipe, **changes))

    if recipe.amp is None and plan.dtype in (None, "float32"):
        yield Candidate("amp", "autocast to bfloat16", "--amp bf16", True, by(amp="bfloat16"))
    if named and plan.dtype in (None, "float32"):
        yield Candidate(
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
        yield Candidate(
            "checkpoint",
            f"checkpoint {', '.join(patterns)}",
            " ".join(f"--checkpoint '{pattern}'" for pattern in patterns),
            False,
            by(checkpoint=patterns),
        )
    for optimizer, arithmetic in _optimizers(recipe.optimizer, memory.device):
        yield Candidate(
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
        yield Candidate(
            "accumulate",
            f"{units.count(batches)} batches of {units.count(half)} a step",
            f"--batch {half} --accumulate {batches}",
            normed,  # statistics are of a batch
            halved,
        )
    if not recipe.set_to_none:
        yield Candidate(
            "gradients",
            "let gradients go: zero_grad()",
            "without --keep-gradients",
            False,
            by(set_to_none=True),
        )


def _optimizers(chosen: Any, device: str) -> Iterator[tuple[str, bool]]:
    """Others to try, and whether they are another arithmetic."""
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
    """Patterns of the blocks that a network repeats, those first that are likely to save most.

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
            # While one of them is computed again, all that it keeps is there.
            kept = [_saved(layers[block]) for block in blocks]
            found[patterns] = sum(kept) - max(kept)
    best = sorted((one for one in found if found[one]), key=lambda one: -found[one])[:_CHECKPOINTS]
    if len(best) == _CHECKPOINTS and not _nested(*(_chosen(one, paths) for one in best)):
        both = tuple(pattern for one in best for pattern in one)  # of an encoder and of a decoder
        return [both, *best] if len(both) <= _PATTERNS else best
    return best


def _saved(layer: Layer) -> int:
    return (layer.memory.saved or 0) if layer.memory is not None else 0


def _nested(some: set[str], others: set[str]) -> bool:
    """Whether a module of these lies in one of those, or is one."""
    return any(
        one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
        for one in some
        for other in others
    )


def _patterns(wanted: Sequence[str], paths: Sequence[str]) -> tuple[str, ...] | None:
    """Few patterns that choose these modules, and of others siblings of theirs at most; else None."""
    around = list(dict.fromkeys(path.rpartition(".")[0] for path in wanted))
    ways = [[f"{_shortened(around)}.*"], [f"{path}.*" for path in around], [_shortened(wanted)], wanted]
    for way in ways:
        if len(way) <= _PATTERNS and _chosen(way, paths) == set(wanted):
            return tuple(way)
    siblings = {path for path in paths if path.rpartition(".")[0] in around}
    if "" not in around and len(around) <= _PATTERNS and len(siblings) <= 2 * len(wanted):
        return tuple(f"{path}.*" for path in around)
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
