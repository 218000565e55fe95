"""What networks of several ranks do where every rank is a process, joined by gloo: all measured.

Collectives are seen by a dispatch mode. All that torch sends goes through its dispatcher: `torch.distributed`
calls operators of "c10d", DTensor and the functional collectives those of "_c10d_functional". The backward of
a processor's graph runs in the thread that called it, so that the mode sees it too. That none is missed is
checked: gloo itself writes each of its calls into the profiler's record, and as many have to be there.

The mode hands DTensors back, and so is asked again with the local tensors. What DTensor runs without data,
to learn the shape of a result, is left out.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from netscope.report.ranks import Traffic
from tests.ranks.figures import summed

ROOT = Path(__file__).parents[2]
SECONDS = 120
STAGES = 4


class Call(NamedTuple):
    """One collective of one rank.

    axis:
        the axes of the mesh along which its group lies; "" for none.
    buffer_bytes:
        the whole buffer: what an all_gather makes; of all others what is given.
    """

    collective: str
    axis: str
    group: tuple[int, ...]
    phase: str
    buffer_bytes: int


class Memory(NamedTuple):
    """Of the processor's allocator above what was there before: parameters, optimizer state and input.

    There are no gradients before. A rank can still see too much, never too little (see `waiting`): of ranks
    that are alike the least is right.

    peak:
        the most, without what gloo and its operators take for themselves while they send: no other backend
        takes as much.
    with_gloo:
        the most with it.
    phases:
        (part of the step, bytes at its begin, the most within it), in order, without it.
    """

    peak: int
    with_gloo: int
    phases: tuple[tuple[str, int, int], ...]


class Measured(NamedTuple):
    """Of one rank.

    calls:
        of a step of forward, mean loss, backward and AdamW, in order.
    seen_by_gloo:
        how many calls the backend itself wrote down in such a step.
    parameters:
        shapes of its parts.
    inference, training:
        memory under `no_grad`, and in a step of training; None where it was not measured.
    """

    calls: tuple[Call, ...]
    seen_by_gloo: int
    macs: int
    backward_macs: int
    parameters: dict[str, tuple[int, ...]]
    inference: Memory | None
    training: Memory | None


def traffic_of(calls: tuple[Call, ...]) -> tuple[Traffic, ...]:
    """What processes sent. What of it went over a wire nobody has seen."""
    return summed(
        Traffic(
            one.collective,
            one.axis,
            len(one.group),
            one.group[-1] - one.group[0] + 1,
            one.phase,
            1,
            one.buffer_bytes,
            0,
        )
        for one in calls
    )


# (network, mesh) -> by rank: what tests are given by `tests.ranks.conftest.real_ranks`.
RealRanks = Callable[[str, tuple[int, ...]], list[Measured]]


def measured(world: int, folder: Path) -> dict[tuple[str, tuple[int, ...]], list[Measured]]:
    """By network and mesh, all that have so many ranks; a list by rank. They start once for them all.

    folder:
        where what they found is kept, and found by whoever asks again. Of several who ask at once, in
        processes of their own, one has it measured and the others wait.
    """
    folder.mkdir(exist_ok=True)
    files = [folder / f"{rank}.json" for rank in range(world)]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all(file.exists() for file in files):
            result = subprocess.run(
                [sys.executable, "-m", "tests.ranks.processes", str(world), folder],
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
            assert result.returncode == 0, result.stderr
    found: dict[tuple[str, tuple[int, ...]], list[Measured]] = {}
    for file in files:
        for name, mesh, figures in json.loads(file.read_text(encoding="utf-8")):
            found.setdefault((name, tuple(mesh)), []).append(_read(figures))
    return found


def _read(figures: list[Any]) -> Measured:
    raw = Measured(*figures)
    return raw._replace(
        calls=tuple(
            Call(*call)._replace(group=tuple(call[Call._fields.index("group")])) for call in raw.calls
        ),
        parameters={name: tuple(shape) for name, shape in raw.parameters.items()},
        inference=_memory(raw.inference),
        training=_memory(raw.training),
    )


def _memory(raw: Any) -> Memory | None:
    return None if raw is None else Memory(*raw)._replace(phases=tuple(map(tuple, raw[-1])))


# In the processes. Nothing of torch is imported above: a test that waits for them does not need it.


def _main(world: int, folder: Path) -> None:
    """Start a process for each rank; they share what is imported here."""
    import torch
    import torch._dynamo  # FSDP2 imports it
    import torch.distributed.tensor

    import netscope.machine.timing.backends.common.kineto  # noqa: F401
    import tests.ranks.networks  # noqa: F401

    torch.set_num_threads(1)
    gc.freeze()  # every record collects garbage first: not what was imported, again and again
    together = get_context("fork").Barrier(world, timeout=SECONDS)
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _run(rank, world, folder, together)
                code = 0
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(max(codes, key=abs))


def _run(rank: int, world: int, folder: Path, together: Any) -> None:
    import torch
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh

    from tests.ranks.networks import DIVIDED, NETWORKS, PIPELINES, pipeline

    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    found = []
    for name, network in NETWORKS.items():
        for sizes in network.meshes:
            if torch.Size(sizes).numel() == world:
                torch.manual_seed(0)
                mesh = init_device_mesh("cpu", sizes, mesh_dim_names=network.axes)
                found.append((name, sizes, _of_rank(network.factory(mesh), mesh, network.input(), together)))
    if world == STAGES:
        mesh = init_device_mesh("cpu", (world,), mesh_dim_names=("pp",))
        found += [(name, (world,), _of_stages(pipeline(mesh, name), mesh)) for name in PIPELINES]
    for name, (factory, axes, sizes) in DIVIDED.items():
        if torch.Size(sizes).numel() == world:
            mesh = init_device_mesh("cpu", sizes, mesh_dim_names=axes)
            found.append((name, sizes, _of_stages(factory(mesh), mesh)))
    dist.barrier()  # only what all have done is kept
    (folder / f"{rank}.json").write_text(json.dumps(found), encoding="utf-8")
    dist.destroy_process_group()


def _of_rank(module: Any, mesh: Any, value: Any, together: Any) -> Measured:
    import torch

    from netscope.machine.timing.backends.common.kineto import profiler_of, quiet

    groups = groups_of(mesh)
    optimizer = torch.optim.AdamW(module.parameters())

    def step(begins: Any = lambda name: None) -> None:
        optimizer.zero_grad()
        begins("forward")
        output = module(value)
        begins("loss")
        loss = output.mean()
        begins("backward")
        loss.backward()
        begins("optimizer")
        optimizer.step()
        begins("end")

    def forward(begins: Any) -> None:
        begins("forward")
        with torch.no_grad():
            output = module(value)
        begins("end")
        del output

    step()  # makes the optimizer's state, and what else is made once
    seen = watching(groups)
    with seen:
        step(seen.begins)
    with quiet(), profiler_of(cuda=False, memory=False) as profiler:
        step()
    optimizer.zero_grad()
    with waiting(together):
        inference, training = memory_of(forward), min(memory_of(step), memory_of(step))
    return Measured(
        tuple(seen.calls),
        _seen_by_gloo(profiler),
        seen.macs["forward"],
        seen.macs["backward"],
        {
            name: tuple(getattr(parameter, "_local_tensor", parameter).shape)
            for name, parameter in module.named_parameters()
        },
        inference,
        training,
    )


def _seen_by_gloo(profiler: Any) -> int:
    """The calls that it wrote into the record. Gloo never calls itself."""
    return sum(event.name().startswith("gloo:") for event in profiler.kineto_results.events())


def part(name: str) -> None:
    """A part of a step begins: in the profiler's record."""
    import torch

    with torch.profiler.record_function(f"part of a step: {name}"):
        pass


def memory_of(step: Any) -> Memory:
    """Of the second of two steps: of memory that was had before the profiler does not tell that it went."""
    from netscope.machine.timing.backends.common.kineto import profiler_of, quiet

    with quiet(), profiler_of(cuda=False, memory=True) as profiler:
        step(part)
        gc.collect()
        step(part)
    live = alone = most = peak = 0
    of_gloo: set[int] = set()
    phases: list[tuple[str, int, int]] = []
    for name, within_gloo, allocation in _allocations(profiler):
        if name == "forward":  # of the second step: what the first has left is gone
            live = alone = most = peak = 0
            phases.clear()
        if allocation is None:
            phases.append((name, alone, alone))
            continue
        size, place = allocation.alloc_size, allocation.ptr
        live += size
        most = max(most, live)
        if size > 0 and within_gloo:
            of_gloo.add(place)
        elif size < 0 and place in of_gloo:
            of_gloo.remove(place)
        elif phases:
            alone += size
            peak = max(peak, alone)
            phases[-1] = (*phases[-1][:2], max(phases[-1][2], alone))
    return Memory(peak, most, tuple(phases))


def _allocations(profiler: Any) -> list[tuple[str, bool, Any]]:
    """(part of the step, ..., None) where one begins; ("", whether gloo made it, allocation); by time."""
    from torch._C._profiler import _EventType

    found = []
    events = [(event, False) for event in profiler.kineto_results.experimental_event_tree()]
    while events:
        event, within_gloo = events.pop()
        if event.tag == _EventType.Allocation:
            found.append((event.start_time_ns, "", within_gloo, event.extra_fields))
        elif event.name.startswith("part of a step: "):
            found.append((event.start_time_ns, event.name.partition(": ")[2], False, None))
        within_gloo = within_gloo or event.name.startswith(("gloo:", "c10d::"))
        events += [(child, within_gloo) for child in event.children]
    return [tuple(rest) for _, *rest in sorted(found, key=lambda one: one[0])]


def _of_stages(schedule: Any, mesh: Any) -> Measured:
    """Memory is not measured: how many microbatches live at once is the schedule's."""
    import torch

    from netscope.machine.timing.backends.common.kineto import profiler_of, quiet

    batch = torch.ones(16, 16)
    stages = [schedule._stage] if hasattr(schedule, "_stage") else schedule._stages
    first, last = any(stage.is_first for stage in stages), any(stage.is_last for stage in stages)

    def step() -> None:
        schedule.step(*([batch] if first else []), **({"target": batch} if last else {}))

    step()
    seen = watching(groups_of(mesh), phases=False)
    with seen:
        step()
    with quiet(), profiler_of(cuda=False, memory=False) as profiler:
        step()
    return Measured(
        tuple(seen.calls),
        _seen_by_gloo(profiler),
        seen.macs["forward"],
        seen.macs["backward"],
        {
            (f"stage{stage.stage_index}." if stages[1:] else "") + name: tuple(
                getattr(parameter, "_local_tensor", parameter).shape
            )
            for stage in stages
            for name, parameter in stage.submod.named_parameters()
        },
        None,
        None,
    )


def groups_of(mesh: Any) -> dict[frozenset[int], str]:
    """The group of this rank along each axis of the mesh."""
    import torch.distributed as dist

    return {
        frozenset(dist.get_process_group_ranks(mesh.get_group(axis))): axis for axis in mesh.mesh_dim_names
    }


# The end of an operator's name -> (collective, which of its arguments is the whole buffer).
_COLLECTIVES = {
    "c10d._allgather_base_": ("all_gather", 0),
    "c10d._reduce_scatter_base_": ("reduce_scatter", 1),
    "c10d.allreduce_": ("all_reduce", 0),
    "c10d.alltoall_base_": ("all_to_all", 1),
    "c10d.broadcast_": ("broadcast", 0),
    "c10d.send": ("send", 0),
    "c10d.recv_": ("recv", 0),
    "_c10d_functional.all_gather_into_tensor": ("all_gather", None),
    "_c10d_functional.reduce_scatter_tensor": ("reduce_scatter", 0),
    "_c10d_functional.all_reduce": ("all_reduce", 0),
    "_c10d_functional.all_to_all_single": ("all_to_all", 0),
    "_c10d_functional.broadcast": ("broadcast", 0),
}

_SEND_NOTHING = ("_c10d_functional.wait_tensor", "_c10d_functional._wrap_tensor_autograd")


def watching(groups: dict[frozenset[int], str], phases: bool = True) -> Any:
    """A dispatch mode that writes down collectives and MACs, by its `phase`.

    phases:
        whether it is told its phase. In a pipeline they alternate: there, what the engine of autograd runs is
        backward, and so is what goes to an earlier rank or comes from a later one.
    """
    import torch
    import torch.distributed as dist
    from torch._subclasses.fake_tensor import FakeTensor
    from torch.distributed._functional_collectives import AsyncCollectiveTensor
    from torch.distributed.tensor import DTensor
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Watching(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.phase = "forward"
            self.calls: list[Call] = []
            self.macs = {"forward": 0, "backward": 0, "optimizer": 0}

        def begins(self, name: str) -> None:
            self.phase = "forward" if name == "loss" else name

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if any(issubclass(kind, DTensor | AsyncCollectiveTensor) for kind in types):
                return NotImplemented
            result = func(*args, **kwargs or {})
            leaves = [one for one in tree_leaves((args, kwargs, result)) if isinstance(one, torch.Tensor)]
            if any(isinstance(one, FakeTensor) or one.is_meta for one in leaves):
                return result
            name = str(func.overloadpacket)
            if func.namespace in ("c10d", "_c10d_functional") and name not in _SEND_NOTHING:
                self.calls.append(self.call(name, args, result))
            phase = self.phase
            if not phases:
                phase = "forward" if torch._C._current_graph_task_id() == -1 else "backward"
            self.macs[phase] += macs(name, args)
            return result

        def call(self, name: str, args: Any, result: Any) -> Call:
            collective, place = _COLLECTIVES[name]
            whole = result if place is None else args[place]
            size = sum(one.nbytes for one in tree_leaves(whole))
            group = tuple(dist.get_process_group_ranks(_group_of(args)))
            phase = self.phase
            if collective in ("send", "recv"):
                onward = args[2] > dist.get_rank()
                phase = "forward" if onward == (collective == "send") else "backward"
            return Call(collective, groups.get(frozenset(group), ""), group, phase, size)

    return Watching()


def _group_of(args: Any) -> Any:
    """An operator's group, which it is given itself or by its name, the last of its words."""
    import torch
    import torch.distributed as dist

    for one in args:
        if isinstance(one, torch.ScriptObject):
            return dist.ProcessGroup.unbox(one)
    name = [one for one in args if isinstance(one, str)][-1]
    return dist.distributed_c10d._resolve_process_group(name)


def waiting(together: Any) -> Any:
    """A dispatch mode under which a collective is done before anybody asks for its result.

    The profiler is told of memory that goes in the thread which it watches. A thread of gloo that lets go of
    a buffer last would leave it in the record.

    together:
        a barrier of all ranks that is none of gloo's: once all have called, little is left to wait for.
    """
    from torch.distributed._functional_collectives import AsyncCollectiveTensor
    from torch.distributed.tensor import DTensor
    from torch.utils._python_dispatch import TorchDispatchMode

    class Waiting(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if any(issubclass(kind, DTensor | AsyncCollectiveTensor) for kind in types):
                return NotImplemented
            result = func(*args, **kwargs or {})
            if str(func.overloadpacket) in _COLLECTIVES:
                for _ in range(2):  # gloo's threads have turns of their own, on a machine of few cores
                    together.wait()
                    time.sleep(0.002)
            return result

    return Waiting()


def macs(name: str, args: Any) -> int:
    """Of a product of local tensors. The fused attention's backward does its scores again: 5 products."""
    match name:
        case "aten.mm" | "aten.bmm":
            return args[0].numel() * args[1].shape[-1]
        case "aten.addmm":
            return args[1].numel() * args[2].shape[-1]
        case "aten._scaled_dot_product_flash_attention_for_cpu":
            return 2 * _product(*args[:2])
        case "aten._scaled_dot_product_flash_attention_for_cpu_backward":
            return 5 * _product(*args[1:3])
        case "aten._scaled_dot_product_attention_math":
            raise AssertionError("the attention is not the fused one")
    return 0


def _product(query: Any, key: Any) -> int:
    """Of queries and keys."""
    return query.numel() * key.shape[-2]


if __name__ == "__main__":
    _main(int(sys.argv[1]), Path(sys.argv[2]))
