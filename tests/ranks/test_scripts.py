"""Training scripts as people have them, and what is left of them in the process: nothing."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed import device_mesh, distributed_c10d
from torch.distributed.fsdp import fully_shard
from torch.distributed.fsdp._fully_shard._fsdp_state import FSDPState
from torch.distributed.tensor import DTensor

import netscope
from netscope.report.ranks import Traffic
from tests.ranks.scripts import mlp


def of(name: str, mesh: str, **how: Any) -> netscope.Report:
    """Of two rows of 16, unless something else is said."""
    return netscope.summary(f"tests.ranks.scripts:{name}", mesh=mesh, **{"input": "16", "batch": 2, **how})


def sent(report: netscope.Report) -> set[tuple[str, str, str, int, int]]:
    """What a rank sends: part, collective, axis, calls and bytes of whole buffers."""
    assert report.ranks is not None

    def told(one: Traffic) -> tuple[str, str, str, int, int]:
        return one.phase, one.collective, one.axis, one.calls, one.buffer_bytes

    return {told(one) for one in report.ranks.own.traffic}


def kinds(report: netscope.Report) -> list[tuple[tuple[int, ...], int]]:
    """Which ranks are alike, and how many numbers each holds."""
    assert report.ranks is not None
    return [(kind.ranks, kind.params) for kind in report.ranks.kinds]


# Scripts for GPUs


def test_a_script_for_gpus_is_followed_where_there_is_none():
    report = of("on_gpus", "dp=2,tp=2", train=True)
    assert report.ranks is not None
    assert report.root.rank is not None
    assert kinds(report) == [((0, 1, 2, 3), 1024 // 4)]
    # Half of 2*1024 along tp; the whole too, though the script makes a mesh of four.
    assert (report.ranks.own.macs, report.root.rank.global_macs) == (1024, 2048)
    # 512 numbers: gathered as bfloat16, reduced as float32. Two rows of 16 in bfloat16, of the forward alone:
    # nothing wants the gradient of the input.
    assert sent(report) == {
        ("forward", "all_gather", "dp", 1, 512 * 2),
        ("backward", "reduce_scatter", "dp", 1, 512 * 4),
        ("forward", "all_reduce", "tp", 1, 2 * 16 * 2),
    }
    assert not report.notes


@pytest.mark.parametrize(
    "name",
    ["moved", "moved_by_number", "moved_at_once", "made_there", "made_there_by_default", "talks"],
)
def test_whatever_asks_for_a_gpu_stays_here(name: str):
    report = of(name, "dp=4")
    assert kinds(report) == [((0, 1, 2, 3), 256)]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_memory_of_a_script_for_gpus(device: str):
    report = netscope.memory(
        "tests.ranks.scripts:on_gpus", mesh="dp=2,tp=2", input="16", batch=2, train=True, device=device
    )
    assert report.ranks is not None
    # Weights, gradients and AdamW's two moments of 256 numbers are there at least.
    assert report.ranks.own.peak is not None
    assert report.ranks.own.peak > 4 * 256 * 4


# Meshes


def test_a_mesh_of_more_ranks_than_there_are_is_refused():
    with pytest.raises(netscope.UsageError, match=r"dp=4,cp=2 of 8 ranks, and there are 4\.") as refused:
        of("on_eight", "dp=4")
    assert refused.value.hint is not None
    assert "--mesh dp=4,cp=2" in refused.value.hint
    assert kinds(of("on_eight", "dp=4,cp=2")) == [(tuple(range(8)), 256)]


def test_another_mesh_than_was_asked_for_is_told():
    note = "the factory divides the network on a mesh of its own, fsdp=4, not on dp=2,tp=2"
    assert of("on_others", "dp=2,tp=2").notes == (note,)
    assert not of("on_others", "fsdp=4").notes
    assert not of("on_others", "4").notes
    assert not of("on_no_mesh", "dp=4").notes
    assert of("on_no_mesh", "dp=2,tp=2").notes


def test_axes_that_are_one_and_axes_of_replicas():
    report = of("flattened", "dp=2,cp=2")
    assert ("forward", "all_gather", "dp+cp", 1, 4096) in sent(report)
    report = of("two_ways", "r=2,s=2")
    assert report.ranks is not None
    assert [axis.role for axis in report.ranks.mesh] == ["data", "data"]
    # 1,024 numbers gathered and scattered along s; a rank's half of them reduced along r.
    assert sent(report) == {
        ("forward", "all_gather", "s", 1, 4096),
        ("backward", "reduce_scatter", "s", 1, 4096),
        ("backward", "all_reduce", "r", 1, 2048),
    }


def test_a_network_that_nobody_divides():
    report = netscope.summary("alexnet", mesh="dp=4")
    assert report.notes == ("nothing is divided, and nothing sent: each rank has the whole network",)
    assert kinds(report) == [((0, 1, 2, 3), report.params)]


# FSDP2


@pytest.mark.parametrize("name", ["unsharded", "offloaded"])
def test_units_are_at_rest_before_a_step(name: str):
    report = of(name, "dp=4")
    assert kinds(report) == [((0, 1, 2, 3), 256)]
    assert sent(report) == {
        ("forward", "all_gather", "dp", 1, 4096),
        ("backward", "reduce_scatter", "dp", 1, 4096),
    }


def test_memory_of_what_is_offloaded_is_told():
    report = netscope.memory("tests.ranks.scripts:offloaded", mesh="dp=4", input="16", batch=2, train=True)
    assert report.notes == ("what FSDP2 keeps in the processor's memory is counted as the device's",)


# By hand


def test_tensor_parallelism_by_hand():
    report = of("by_hand", "tp=4")
    assert report.ranks is not None
    assert [(axis.name, axis.size) for axis in report.ranks.mesh] == [("tp", 4)]
    assert kinds(report) == [((0, 1, 2, 3), 256)]
    assert sent(report) == {("forward", "all_reduce", "tp", 1, 2 * 16 * 4)}
    assert report.root.rank is not None
    assert (report.macs, report.root.rank.global_macs) == (512, 2048)


def test_an_input_that_is_a_part_is_not_compared_with_a_whole_one():
    report = of("given_a_part", "tp=4", input="4x16")
    assert report.ranks is not None
    # Of 2 texts of 16 places a rank does a quarter of the columns; undivided, 4 places are as much by chance.
    assert report.macs == 2 * 16 * 2 * 16 * 32 // 4
    assert (report.root.global_macs, report["1.0"].global_macs, report["1.0"].rank_share) == (None,) * 3
    assert report.ranks.repeated == ()


def test_ranks_are_not_alike_where_the_factory_asks_for_its_rank():
    assert kinds(of("first_has_more", "tp=4")) == [((0,), 256 + 256), ((1, 2, 3), 256)]
    assert kinds(of("first_has_more", "tp=4", rank=2)) == [((1, 2, 3), 256)]
    assert kinds(of("stages", "pp=2,dp=2")) == [((0, 1), 512), ((2, 3), 128)]
    assert kinds(of("stages", "dp=2,pp=2")) == [((0, 2), 512), ((1, 3), 128)]


def test_ranks_that_send_to_each_other_are_not_alike():
    report = of("first_sends", "pp=2,dp=2")
    assert report.ranks is not None
    told = [(kind.ranks, kind.traffic[0].collective, kind.wire_bytes) for kind in report.ranks.kinds]
    # Of the four the group of all is told of: two rows of 16.
    assert told == [((0,), "send", 128), ((1, 2, 3), "recv", 0)]
    (ring,) = kinds(of("ring", "dp=4"))  # each sends as much as it is sent
    assert ring == ((0, 1, 2, 3), 256)
    assert kinds(of("ring", "dp=4", rank=2)) == [((2,), 256)]


@pytest.mark.parametrize("name", ["each_another", "each_longer"])
def test_a_rank_is_not_held_against_the_network_of_another(name: str):
    first, last = of(name, "dp=4", rank=0), of(name, "dp=4", rank=3)
    assert (first.macs, first.root.rank_share) == (first.root.global_macs, 1.0)
    assert last.macs == 4 * (first.macs or 0)
    assert (last.root.global_macs, last.root.rank_share) == (None, None)
    assert (name == "each_another") == (not last.notes)  # that ranks build the same is all that is seen


@pytest.mark.parametrize(
    ("name", "error", "rank", "asked"),
    [
        ("last_raises", netscope.SourceError, 3, None),
        ("last_raises", netscope.SourceError, 3, 0),  # it is built to see whether all are alike
        ("last_raises_later", netscope.TraceError, 3, 3),
        ("raises", netscope.SourceError, 0, None),
    ],
)
def test_an_error_says_of_which_rank_it_is(name: str, error: type[Exception], rank: int, asked: int | None):
    with pytest.raises(error, match=rf"^rank {rank} of 4, mesh dp=4: tests\.ranks\.scripts:{name}"):
        of(name, "dp=4", rank=asked)


def test_what_is_large_is_not_made():
    assert kinds(of("large", "dp=2", input=str(2**20))) == [((0, 1), 2**40)]


def test_what_one_rank_alone_does_is_not_repeated():
    report = of("first_has_more", "tp=4")
    assert report.ranks is not None
    assert report.ranks.repeated == ()


def test_what_was_not_looked_at_is_told():
    report = of("each_another", "a=8,b=8")
    assert report.ranks is not None
    # The first rank, the farthest, and the farthest along each axis.
    assert kinds(report) == [((0,), 17), ((7,), 8 * 17), ((56,), 57 * 17), ((63,), 64 * 17)]
    assert not report.ranks.whole
    assert report.notes[-1] == "what the other 60 of 64 ranks build was not looked at: these differ"


# Replicas


@pytest.mark.parametrize("name", ["replicas", "composed_replicas"])
def test_replicas_reduce_their_gradients(name: str):
    report = of(name, "dp=4")
    assert kinds(report) == [((0, 1, 2, 3), 1024)]
    assert sent(report) == {("backward", "all_reduce", "dp", 1, 4096)}
    assert not report.notes


def test_replicas_reduce_in_buckets():
    """The last layer's 4 MiB are more than the first bucket's one; the other two have one together."""
    assert sent(of("large_replicas", "dp=2", input="1024")) == {
        ("backward", "all_reduce", "dp", 2, 3 * 2**22)
    }


def test_replicas_send_what_their_hook_makes_and_when_they_are_told_to():
    assert sent(of("halved_replicas", "dp=2")) == {("backward", "all_reduce", "dp", 1, 1024 * 2)}
    assert sent(of("alone", "dp=2")) == set()


def test_replicas_have_the_buffers_of_the_first():
    """256 and 2*16 numbers; two of 16 and one of 8 bytes, each dtype at once."""
    assert sent(of("normed_replicas", "dp=2", train=True)) == {
        ("forward", "broadcast", "dp", 2, 2 * 16 * 4 + 8),
        ("backward", "all_reduce", "dp", 1, (256 + 32) * 4),
    }


def test_memory_of_replicas_has_their_buckets():
    """A bucket of 4,096 bytes, which gradients that lie in it do not need."""
    whole = netscope.memory("tests.ranks.scripts:mlp", input="16", batch=2, train=True)
    ranks = netscope.memory("tests.ranks.scripts:replicas", mesh="dp=2", input="16", batch=2, train=True)
    assert ranks.memory is not None
    assert whole.memory is not None
    assert ranks.memory.training is not None
    assert whole.memory.training is not None
    assert ranks.memory.training.peak == whole.memory.training.peak + 4096


def test_the_old_fsdp_is_refused():
    with pytest.raises(netscope.UsageError, match="FullyShardedDataParallel") as refused:
        of("flat", "dp=2")
    assert refused.value.hint is not None
    assert "fully_shard" in refused.value.hint


# DTensor


def test_a_plain_tensor_among_divided_ones_is_refused_in_its_layer():
    with pytest.raises(
        netscope.TraceError, match=r"failed in 2: .* mixed torch\.Tensor and DTensor"
    ) as refused:
        of("half_divided", "tp=4")
    assert len(str(refused.value).splitlines()) <= 2
    assert refused.value.path == "2"


@pytest.mark.parametrize("train", [False, True])
def test_what_torch_says_of_units_is_told(train: bool, monkeypatch: pytest.MonkeyPatch):
    """It says so once of each, when the first step begins: then it takes them to be ready."""
    usual = FSDPState._lazy_init
    asked: list[Any] = []

    def once(state: Any) -> None:
        if state not in asked:
            asked.append(state)
            raise ValueError("this parameter is in two groups")
        usual(state)

    monkeypatch.setattr(FSDPState, "_lazy_init", once)
    with pytest.raises(netscope.TraceError, match=r"the forward failed .*this parameter is in two groups"):
        of("two_ways", "dp=2", train=train)


@pytest.mark.skipif(
    not hasattr(FSDPState, "_validate_no_duplicate_params"), reason="earlier versions do not look for it"
)
def test_units_that_share_a_parameter_are_refused_as_torch_does():
    with pytest.raises(netscope.TraceError, match=r"'1\.weight' is shared .* use fully_shard\(\["):
        of("shared_between_units", "dp=4")


def test_divided_classes_have_a_loss():
    report = of("divided_classes", "tp=4")
    assert not report.notes
    # 8 of 32 hidden features gathered for two rows, and their gradients reduced; of the loss the largest, the
    # sum and the one that is right, of each row.
    assert sent(report) == {
        ("forward", "all_gather", "tp", 1, 2 * 32 * 4),
        ("backward", "all_reduce", "tp", 1, 2 * 32 * 4),
        ("forward", "all_reduce", "tp", 3, 3 * 2 * 4),
    }


def test_attention_on_parts():
    """32 rows through half of four matrices; 2 texts, 2 of 4 heads, 16*16*8 twice."""
    report = of("attention_of_parts", "tp=2", input="16x32")
    assert report.macs == 32 * 4 * 1024 // 2 + 2 * 2 * 2 * 16 * 16 * 8
    assert sent(report) == {("forward", "all_reduce", "tp", 1, 2 * 16 * 32 * 4)}


def test_uneven_parts_are_named_and_torch_logs_nothing():
    logged: list[logging.LogRecord] = []

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(record)

    logger, heard = logging.getLogger("torch._subclasses.fake_tensor"), Heard()
    logger.addHandler(heard)
    try:
        with pytest.raises(netscope.TraceError, match="failed in 2") as failed:
            of("uneven", "tp=4")
    finally:
        logger.removeHandler(heard)
    assert failed.value.hint == "its ranks have uneven parts of 0.weight (30 over 4), 2.weight (30 over 4)"
    assert not logged


@pytest.mark.parametrize("way", ["bincount", "tolist", "where"])
def test_values_that_are_not_there_are_told_in_two_lines(way: str):
    with pytest.raises(netscope.TraceError) as failed:
        of("routed", "ep=4", options={"way": way})
    assert len(str(failed.value).splitlines()) == 2
    assert failed.value.hint is not None
    assert "no values" in failed.value.hint


# The process


def process() -> dict[str, Any]:
    """What of the process a script may change."""
    return {
        "environment": dict(os.environ),
        "group": dist.is_initialized(),
        "groups": len(distributed_c10d._world.pg_map),
        "hook": sys.excepthook,
        "functions": (
            dist.init_process_group,
            distributed_c10d.new_group,
            device_mesh.DeviceMesh.__init__,
            torch.nn.parallel.DistributedDataParallel.__init__,
            torch.nn.Module.to_empty,
            torch.cuda.set_device,
            torch.cuda.device_count,
            torch.set_default_device,
        ),
        "handlers": dict(DTensor._op_dispatcher._custom_op_handlers),
        "modes": torch._C._len_torch_function_stack(),
        "device": torch.get_default_device(),
        "random": torch.get_rng_state().tolist(),
        "paths": list(sys.path),
    }


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("on_gpus", None),
        ("made_there_by_default", None),
        ("talks", None),
        ("divided_classes", None),
        ("raises", netscope.SourceError),
        ("raises_later", netscope.TraceError),
        ("interrupted", KeyboardInterrupt),
        ("interrupted_later", KeyboardInterrupt),
        ("asks_again", netscope.UsageError),
    ],
)
def test_the_process_is_as_it_was(name: str, error: type[BaseException] | None):
    of("talks", "dp=4")  # what torch sets once
    before = process()
    if error is None:
        of(name, "dp=2,tp=2" if name == "on_gpus" else "dp=4")
    else:
        with pytest.raises(error):
            of(name, "dp=4")
    assert process() == before
    assert kinds(of("talks", "dp=4")) == [((0, 1, 2, 3), 256)]


def test_threads_wait_for_each_other():
    found: dict[int, Any] = {}

    def ask(ranks: int) -> None:
        found[ranks] = kinds(of("talks", f"dp={ranks}"))

    threads = [threading.Thread(target=ask, args=(ranks,)) for ranks in (2, 4, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {ranks: [(tuple(range(ranks)), 1024 // ranks)] for ranks in (2, 4, 8)}


@pytest.fixture
def group() -> Iterator[None]:
    """A real group, of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


def test_a_module_of_a_real_group_is_left_as_it_was(group: None):
    model, x = fully_shard(mlp(), mesh=device_mesh.init_device_mesh("cpu", (1,))), torch.randn(2, 16)
    cold = netscope.memory(model, args=(x,), train=True)
    model(x).sum().backward()  # it has been whole since
    held = [(id(p), p._version) for p in model.parameters()]
    warm = netscope.memory(model, args=(x,), train=True)
    assert [(id(p), p._version) for p in model.parameters()] == held
    assert cold.ranks is not None
    assert cold.ranks == warm.ranks
    model(x)  # and is so now
    assert netscope.summary(model, args=(x,)).params == 1024
    model(x).sum().backward()


def test_a_rank_of_a_real_group_stands_for_no_other(group: None):
    with pytest.raises(netscope.UsageError, match="a rank of a real group"):
        of("talks", "dp=2")


def test_a_replica_of_a_real_group_reduces_nothing(group: None):
    model, x = torch.nn.parallel.DistributedDataParallel(mlp()), torch.randn(2, 16)
    for _ in range(2):
        model(x).sum().backward()
        assert netscope.memory(model, args=(x,), train=True).params == 1024
        assert netscope.summary(model, args=(x,), train=True).macs == 2048


def test_modules_that_are_computed_again_are_called_once():
    report = of("checkpointed", "dp=2")
    assert {layer.calls for layer in report.layers if layer.kind == "module"} == {1}
    assert all(layer.completed for layer in report.layers)
    assert report.ranks is not None
    # 2 rows: for both weights, and what the second was given. A last product is not done again.
    assert report.ranks.own.backward_macs == 3 * 2 * 16 * 16


def test_two_meshes_with_an_axis_of_one_name():
    """12 rows over 4 ranks are 3 each; 5 over the 2 of another "dp" are 3 and 2."""
    report = of("two_meshes", "dp=4")
    assert report.ranks is not None
    found = {rank: kind.params for kind in report.ranks.kinds for rank in kind.ranks}
    assert found == {rank: 3 * 16 + (3 if rank < 2 else 2) * 12 for rank in range(4)}


def test_a_network_without_a_way_back_has_its_forward():
    report = of("without_gradient", "tp=2")
    assert report.ranks is not None
    assert not report.ranks.trained
    assert report.macs == 2 * 16 * 8
    assert any("no backward was recorded" in note for note in report.notes)
