"""A pass of its own: every collective of a step, from its call until it is over on this rank.

Collectives are waited for one after the other, so that nothing overlaps with what is timed. What was sent to
one rank alone is counted and not timed: a send ends when its receiver has come, which may itself be waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import torch
import torch.distributed as dist
from torch.distributed import distributed_c10d as c10d
from torch.utils._python_dispatch import TorchDispatchMode

from netscope.machine.ranks.matched import Call
from netscope.machine.timing.backend import Backend, Mark
from netscope.machine.timing.meter import Step


class _Form(NamedTuple):
    """How an operator tells its buffer.

    place:
        of the argument that has it.
    parts:
        whether that is one rank's part of it.
    """

    collective: str
    place: int = 0
    parts: bool = False
    timed: bool = True


_GATHER: Final = _Form("all_gather", 0)
_SCATTER: Final = _Form("reduce_scatter", 1)
_FORMS: Final[dict[str, _Form]] = {
    "c10d::allreduce_": _Form("all_reduce"),
    "c10d::allreduce_coalesced_": _Form("all_reduce"),
    "c10d::broadcast_": _Form("broadcast"),
    "c10d::allgather_": _GATHER,
    "c10d::_allgather_base_": _GATHER,
    "c10d::allgather_coalesced_": _GATHER,
    "c10d::allgather_into_tensor_coalesced_": _GATHER,
    "c10d::reduce_scatter_": _SCATTER,
    "c10d::_reduce_scatter_base_": _SCATTER,
    "c10d::reduce_scatter_tensor_coalesced_": _SCATTER,
    "c10d::alltoall_": _Form("all_to_all", 1),
    "c10d::alltoall_base_": _Form("all_to_all", 1),
    "c10d::reduce_": _Form("reduce"),
    "c10d::gather_": _Form("gather", 1, parts=True),
    "c10d::gather_into_tensor_": _Form("gather", 1, parts=True),
    "c10d::scatter_": _Form("scatter", 0, parts=True),
    "c10d::barrier": _Form("barrier", -1),
    "c10d::send": _Form("send", timed=False),
    "c10d::recv_": _Form("recv", timed=False),
    "c10d::recv_any_source_": _Form("recv", timed=False),
    "_c10d_functional::all_reduce": _Form("all_reduce"),
    "_c10d_functional::all_reduce_": _Form("all_reduce"),
    "_c10d_functional::all_reduce_coalesced": _Form("all_reduce"),
    "_c10d_functional::all_reduce_coalesced_": _Form("all_reduce"),
    "_c10d_functional::all_gather_into_tensor": _Form("all_gather", parts=True),
    "_c10d_functional::all_gather_into_tensor_out": _Form("all_gather", parts=True),
    "_c10d_functional::all_gather_into_tensor_coalesced": _Form("all_gather", parts=True),
    "_c10d_functional::reduce_scatter_tensor": _Form("reduce_scatter"),
    "_c10d_functional::reduce_scatter_tensor_out": _Form("reduce_scatter"),
    "_c10d_functional::reduce_scatter_tensor_coalesced": _Form("reduce_scatter"),
    "_c10d_functional::all_to_all_single": _Form("all_to_all"),
    "_c10d_functional::broadcast": _Form("broadcast"),
    "_c10d_functional::broadcast_": _Form("broadcast"),
    "_c10d_functional::isend": _Form("send", timed=False),
    "_c10d_functional::irecv": _Form("recv", timed=False),
    "_dtensor::shard_dim_alltoall": _Form("all_to_all"),
}
_GROUPS: Final = ("group_name", "process_group")
_c10d: Any = c10d
# What torch puts before the name of a mesh's axis in its group's description.
_OF_MESH: Final = "mesh_"


def recorded(step: Step, backend: Backend, steps: int) -> list[list[Call]]:
    """Run so many steps; the collectives of each, in order.

    Raises:
        Exception: whatever the step raises.
    """
    found: list[list[Call]] = []
    for _ in range(steps):
        step.prepare()
        backend.synchronize()
        timer = _Timer(backend)
        for name, function in step.phases:
            timer.phase = name
            with timer:
                function()
        backend.synchronize()
        found.append(timer.calls())
    return found


class _Met(NamedTuple):
    call: Call
    started: Mark
    ended: Mark


class _Timer(TorchDispatchMode):
    """Times the collectives that a thread, or a backward that it runs, calls."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # as in `trace.recorder`: it would import dynamo

    def __init__(self, backend: Backend) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.phase = ""
        self._backend = backend
        # On a device it is over when its stream says so, and on a host when the call is.
        self._mark: Callable[[], Mark] = backend.mark if backend.asynchronous else backend.clock
        self._met: list[_Met] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        # A tensor of parts first becomes what its rank has; then the collectives come here.
        if any(kind not in (torch.Tensor, torch.nn.Parameter) for kind in types):
            return NotImplemented
        form = _form(func)
        if form is None:
            return func(*args, **(kwargs or {}))
        return self._timed(form, func, args, kwargs or {})

    def _timed(self, form: _Form, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        group = _group(func, args, kwargs)
        if group is None or group.size() < 2:
            return func(*args, **kwargs)
        ranks = tuple(dist.get_process_group_ranks(group))
        nbytes = _nbytes(args[form.place]) if form.place >= 0 else 0
        call = Call(
            form.collective,
            _axis(group),
            ranks,
            self.phase,
            nbytes * len(ranks) if form.parts else nbytes,
            None,
        )
        if not form.timed:
            result = func(*args, **kwargs)
            self._met.append(_Met(call, None, None))
            return result
        started = self._mark()
        result = func(*args, **kwargs)
        _wait(func, result)
        self._met.append(_Met(call, started, self._mark()))
        return result

    def calls(self) -> list[Call]:
        """With their times; to be asked for once all has run."""
        return [
            met.call if met.ended is None else met.call._replace(seconds=self._between(met))
            for met in self._met
        ]

    def _between(self, met: _Met) -> float:
        if self._backend.asynchronous:
            return self._backend.between(met.started, met.ended)
        return float(met.ended - met.started)


@cache
def _form(func: Any) -> _Form | None:
    schema = getattr(func, "_schema", None)
    return None if schema is None else _FORMS.get(schema.name)


def _group(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dist.ProcessGroup | None:
    """The group of a collective, which is an argument or named by one."""
    for place, argument in enumerate(func._schema.arguments):
        if argument.name in _GROUPS:
            given = args[place] if place < len(args) else kwargs.get(argument.name)
            if isinstance(given, dist.ProcessGroup):
                return given
            if isinstance(given, str):
                found: dist.ProcessGroup = _c10d._resolve_process_group(given)
                return found
            if given is not None:
                unboxed: dist.ProcessGroup = dist.ProcessGroup.unbox(given)
                return unboxed
    return None


def _axis(group: dist.ProcessGroup) -> str:
    """The axis of a mesh that the group is of; "" for another one."""
    told = str(getattr(group, "group_desc", ""))
    name = told.removeprefix(_OF_MESH)
    return name if name != told and name != "default" else ""


def _nbytes(value: Any) -> int:
    """Of all tensors in it."""
    return sum(tensor.numel() * tensor.element_size() for tensor in _tensors(value))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)


def _wait(func: Any, result: Any) -> None:
    """Until the collective is over; on a device, until what follows in the stream comes after it."""
    if func._schema.name.startswith("c10d::"):
        for item in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(item, torch.ScriptObject):
                dist.Work.unbox(item).wait()
        return
    for tensor in _tensors(result):
        torch.ops._c10d_functional.wait_tensor(tensor)
