"""What a world does beyond its thread and its end: nothing."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import get_process_group_ranks

from netscope.base.mesh import parse_mesh
from netscope.base.meta.world import standing_for
from netscope.trace.step.divided import quiet


def elsewhere(ask: Callable[[], Any]) -> Any:
    """What another thread hears."""
    heard: list[Any] = []
    thread = threading.Thread(target=lambda: heard.append(ask()))
    thread.start()
    thread.join()
    return heard[0]


def test_functions_that_were_imported_by_name_know_which_world_they_are_in():
    with standing_for(parse_mesh("tp=4"), 0, whole=True):
        from torch.distributed import destroy_process_group, init_process_group, new_group

        assert get_process_group_ranks(new_group([0, 1])) == [0]
        init_process_group("nccl")
    with standing_for(parse_mesh("tp=4"), 1):
        assert get_process_group_ranks(new_group([0, 1])) == [0, 1]
        init_process_group("nccl")
        assert dist.get_world_size() == 4
    init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        assert dist.get_world_size() == 1
    finally:
        destroy_process_group()
    assert not dist.is_initialized()


def test_other_threads_have_the_usual_functions():
    def ask() -> tuple[object, ...]:
        gpus = torch.cuda.device_count()
        return (
            gpus,
            dist.init_process_group.__name__,
            nn.Linear(1, 1, device="meta").to_empty(device="cpu").weight.device,
        )

    usual = ask()
    with standing_for(parse_mesh("dp=2,tp=2"), 0):
        assert ask() != usual
        assert elsewhere(ask) == usual
    assert ask() == usual


def test_variables_of_other_threads_stay(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NETSCOPE_TEST_KEPT", "before")
    for name in ("THREAD", "BOTH", "FACTORY"):
        monkeypatch.delenv(f"NETSCOPE_TEST_{name}", raising=False)
    before = dict(os.environ)

    def others() -> None:
        os.environ.update(NETSCOPE_TEST_THREAD="thread", NETSCOPE_TEST_BOTH="thread")

    try:
        with standing_for(parse_mesh("dp=4"), 3):
            assert os.environ["RANK"] == "3"
            os.environ.update(NETSCOPE_TEST_FACTORY="factory", NETSCOPE_TEST_BOTH="factory", RANK="5")
            del os.environ["NETSCOPE_TEST_KEPT"]
            elsewhere(others)
        assert dict(os.environ) == {
            **before,
            "NETSCOPE_TEST_THREAD": "thread",
            "NETSCOPE_TEST_BOTH": "thread",
        }
    finally:
        for name in ("THREAD", "BOTH"):
            os.environ.pop(f"NETSCOPE_TEST_{name}", None)


def as_now(self: Any, op_schema: Any, placement: Any) -> Any:
    return self, op_schema, placement


def of_its_class(cls: Any, mesh: Any, op_schema: Any) -> Any:
    return cls, mesh, op_schema


@pytest.mark.parametrize(
    "held",
    [None, classmethod(of_its_class), staticmethod(of_its_class), of_its_class, as_now],
    ids=["absent", "of the class", "of nobody", "other arguments", "as now"],
)
def test_decompositions_are_unseen_where_torch_has_them_as_now(held: Any, monkeypatch: pytest.MonkeyPatch):
    name, home = "_propagate_through_decomp", ModuleType("decompositions")
    monkeypatch.setitem(sys.modules, "torch.distributed.tensor._decompositions", home)
    home.DecompShardingStrategy = strategy = type("Strategy", (), {} if held is None else {name: held})
    with quiet():
        assert (vars(strategy).get(name) is held) == (held is not as_now)
    assert vars(strategy).get(name) is held


def test_nothing_is_unseen_where_torch_has_no_decompositions(monkeypatch: pytest.MonkeyPatch):
    home = ModuleType("decompositions")
    monkeypatch.setitem(sys.modules, "torch.distributed.tensor._decompositions", home)
    before = dict(vars(home))
    with quiet():
        assert vars(home) == before
