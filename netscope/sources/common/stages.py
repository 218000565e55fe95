"""What a factory says of a pipeline: its stages, and the order of work of their schedule, as plain facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import torch

from netscope.base.errors import SourceError
from netscope.base.workload import Pipeline, stage_name

# Of a schedule's order, what computes and what makes fully sharded stages whole; the rest sends.
_KEPT: Final = frozenset({"F", "B", "I", "W", "UNSHARD", "RESHARD"})


class Stages(torch.nn.Module):
    """The stages of one rank, each on an input of its own: nothing goes from one to the other here."""

    def __init__(self, stages: dict[int, torch.nn.Module]) -> None:
        super().__init__()
        self.numbers = tuple(stages)
        for number, module in stages.items():
            self.add_module(stage_name(number), module)

    def forward(self, *inputs: tuple[Any, ...], **kwargs: Any) -> tuple[Any, ...]:
        """Each of the inputs is the arguments of a stage; those by name are of all."""
        stages = [getattr(self, stage_name(number)) for number in self.numbers]
        return tuple(stage(*args, **kwargs) for stage, args in zip(stages, inputs, strict=True))


def stages_in(made: Any) -> tuple[torch.nn.Module, Pipeline] | None:
    """The module of a stage, of several or of a schedule's, and what is known of the pipeline.

    Returns None for anything else. To be asked when torch's pipelines have been imported.

    Raises:
        SourceError: a list has no stages that could be those of one rank.
    """
    from torch.distributed.pipelining import schedules, stage

    known: Any = stage
    base = known._PipelineStageBase
    schedule = made if isinstance(made, schedules._PipelineSchedule) else None
    if schedule is not None:
        single = getattr(schedule, "_stage", None)
        stages = [single] if single is not None else list(schedule._stages)  # type: ignore[attr-defined]
    elif isinstance(made, base):
        stages = [made]
    elif isinstance(made, list) and made and all(isinstance(one, base) for one in made):
        stages = made
    else:
        return None
    stages = sorted(stages, key=lambda one: one.stage_index)
    return _module(stages), _facts(stages, schedule)


def _module(stages: list[Any]) -> torch.nn.Module:
    if len(stages) == 1:
        module: torch.nn.Module = stages[0].submod
        return module
    return Stages({one.stage_index: one.submod for one in stages})


def _facts(stages: list[Any], schedule: Any) -> Pipeline:
    import torch.distributed as dist

    first = stages[0]
    group = dist.group.WORLD if first.group is None else first.group
    ranks = tuple(dist.get_process_group_ranks(group))
    own = tuple(one.stage_index for one in stages)
    owners = _owners(first, own, len(ranks), schedule)
    accumulates = all(any(cls.__name__ == "FSDPModule" for cls in type(one.submod).__mro__) for one in stages)
    if schedule is None:
        return Pipeline(own, owners, ranks, accumulates=accumulates)
    return Pipeline(
        own,
        owners,
        ranks,
        schedule=type(schedule).__name__,
        microbatches=schedule._n_microbatches,
        order=_order(schedule, len(ranks)),
        dims=tuple(map(_dim, getattr(schedule, "_args_chunk_spec", None) or ())),
        named_dims=tuple(
            (name, _dim(spec)) for name, spec in (getattr(schedule, "_kwargs_chunk_spec", None) or {}).items()
        ),
        accumulates=accumulates,
    )


def _owners(first: Any, own: tuple[int, ...], ranks: int, schedule: Any) -> tuple[int, ...]:
    """Whose each stage is: what its schedule says, else in turn, or there and back as of a V."""
    told = getattr(schedule, "stage_index_to_group_rank", None) or first.stage_index_to_group_rank
    count = first.num_stages
    in_turn = tuple(told[stage] for stage in range(count))
    round_trip = [*range(ranks), *reversed(range(ranks))]
    there_and_back = tuple(round_trip[stage % len(round_trip)] for stage in range(count))
    for owners in (in_turn, there_and_back):
        if own == tuple(stage for stage in range(count) if owners[stage] == first.group_rank):
            return owners
    raise SourceError(
        f"stages {', '.join(map(str, own))} of {count} are not those of rank {first.group_rank} of {ranks}.",
        hint="return the schedule, which knows whose each stage is",
    )


def _order(schedule: Any, ranks: int) -> tuple[tuple[tuple[int, str, int], ...], ...] | None:
    """Each rank's work in turn, as it is done where that is known."""
    order = getattr(schedule, "pipeline_order_with_comms", None) or getattr(schedule, "pipeline_order", None)
    if not order or any(rank not in order for rank in range(ranks)):
        return None
    told = (_actions(order[rank]) for rank in range(ranks))
    return tuple(tuple(_in_turn(one) if hasattr(schedule, "_stage") else one) for one in told)


def _in_turn(actions: Iterable[tuple[int, str, int]]) -> Iterator[tuple[int, str, int]]:
    """The work of a rank with one stage, its microbatches counted.

    Such schedules do them in turn, and run without the order that they tell: that of torch's 1F1B begins with
    the second one on the last rank.
    """
    done: Counter[str] = Counter()
    for stage, what, _ in actions:
        yield stage, what, done[what]
        done[what] += 1


def _actions(actions: Iterable[Any]) -> Iterator[tuple[int, str, int]]:
    for action in actions:
        if action is None:
            continue
        if getattr(action, "sub_actions", None):  # done at once: one after the other costs as much
            yield from _actions(action.sub_actions)
        elif action.computation_type.value in _KEPT:
            number = action.microbatch_index
            yield action.stage_index, action.computation_type.value, -1 if number is None else number


def _dim(spec: Any) -> int | None:
    """Along which dimension an argument is divided: a spec that is of no tensor says nothing of it."""
    if type(spec).__name__ == "_Replicate" or getattr(spec, "__name__", "") == "_Replicate":
        return None
    dim = getattr(spec, "split_dim", 0)
    return dim if isinstance(dim, int) else 0
