"""Arguments with values: specs made into random tensors. Never zeros, which spare a GPU power."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import torch

from netscope.base.workload import TensorSpec, Workload
from netscope.trace.facts import Trace
from netscope.trace.tree import map_tensors

# Integers are drawn below this where nothing says how large they may be: token ids that every vocabulary has.
SAFE: Final = 8
SEED: Final = 0
# Operators whose first argument is a table and whose second has the rows to take.
_LOOKUPS: Final = frozenset({"aten.embedding.default", "aten._embedding_bag.default"})


def arguments(
    workload: Workload, device: str | torch.device, *, below: Mapping[str, int] | None = None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of the workload's call, on that device.

    Specs become random tensors, the same ones every time; the caller's own tensors are copied, so that a
    forward may write to them. No global generator is touched.

    below:
        place of an argument ("0", "input_ids") -> what its integers must be smaller than.
    """
    generator = torch.Generator(torch.device(device)).manual_seed(SEED)
    limits = dict(below or {})

    def made(place: str, value: Any) -> Any:
        def tensor(leaf: Any) -> torch.Tensor:
            if isinstance(leaf, TensorSpec):
                dtype = getattr(torch, leaf.dtype)
                return random_tensor(leaf.shape, dtype, generator, limits.get(place, SAFE))
            own: torch.Tensor = leaf.detach()
            return own.to(device) if own.device != torch.device(device) else own.clone()

        return map_tensors(value, tensor)

    args = tuple([made(str(index), value) for index, value in enumerate(workload.args)])
    return args, {name: made(name, value) for name, value in workload.kwargs.items()}


def random_tensor(
    shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator, below: int = SAFE
) -> torch.Tensor:
    """Normal noise, integers below a limit, or all true, on the generator's device."""
    device = generator.device
    if dtype is torch.bool:
        return torch.ones(shape, dtype=dtype, device=device)
    if dtype.is_complex:
        parts = torch.randn((*shape, 2), generator=generator, device=device) / math.sqrt(2)
        return torch.view_as_complex(parts).to(dtype)
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, device=device).to(dtype)
    return torch.randint(0, below, shape, generator=generator, device=device).to(dtype)


def integer_limits(trace: Trace) -> dict[str, int]:
    """place of an argument -> the rows of the table that it looks up, the fewest where there are several."""
    places = {value.storage: value.place for value in trace.inputs if value.storage >= 0}
    limits: dict[str, int] = {}
    for op in trace.ops:
        if op.operator.name in _LOOKUPS:
            table, place = op.operator.args[0], places.get(op.reads[1])
            if place is not None and isinstance(table, TensorSpec):
                limits[place] = min(table.shape[0], limits.get(place, table.shape[0]))
    return limits
