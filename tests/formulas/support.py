"""What the formula tests share: operators by hand, and a recorder that asks torch which ones run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from netscope.base.cost import Cost
from netscope.base.workload import TensorSpec
from netscope.formulas import cost_of
from netscope.trace.facts import Operator


def spec(*shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(shape, dtype)


def operator(
    name: str, *args: Any, out: TensorSpec | tuple[TensorSpec, ...] = (), tags: str = "", **kwargs: Any
) -> Operator:
    """An operator as the tracer would record it."""
    outputs = (out,) if isinstance(out, TensorSpec) else tuple(out)
    return Operator(name, args, kwargs, outputs, frozenset(tags.split()))


def cost(name: str, *args: Any, out: TensorSpec | tuple[TensorSpec, ...] = (), **kwargs: Any) -> Cost:
    """Its cost, which the test expects to be known."""
    found = cost_of(operator(name, *args, out=out, **kwargs))
    assert found is not None, f"{name} is unknown"
    return found


class Recorder(TorchDispatchMode):
    """Collects the operators that run, with their arguments as specs."""

    def __init__(self) -> None:
        super().__init__()
        self.operators: list[Operator] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        schema = func._schema
        tags = set()
        if any(returned.alias_info is not None for returned in schema.returns) and not schema.is_mutable:
            tags.add("view")
        if not any("Tensor" in str(argument.type) for argument in schema.arguments):
            tags.add("factory")
        outputs = tuple(_spec(leaf) for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor))
        self.operators.append(
            Operator(str(func), _specs(args), _specs(kwargs or {}), outputs, frozenset(tags))
        )
        return result


def _spec(tensor: torch.Tensor) -> TensorSpec:
    return TensorSpec(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def _specs(tree: Any) -> Any:
    return tree_map(lambda leaf: _spec(leaf) if isinstance(leaf, torch.Tensor) else leaf, tree)


def recorded(run: Callable[[], Any]) -> list[Operator]:
    """The operators that `run()` dispatches."""
    recorder = Recorder()
    with recorder:
        run()
    return recorder.operators


def macs_of(run: Callable[[], Any]) -> int:
    """The MACs of everything that `run()` dispatches, none of it unknown."""
    total = 0
    for op in recorded(run):
        found = cost_of(op)
        assert found is not None, f"{op.name} is unknown"
        total += found.macs
    return total
