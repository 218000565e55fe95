"""Modules that are unlike others: each must give figures, a plain note or one clear error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from netscope import TensorSpec, TraceError, UsageError, Workload, summary
from netscope.trace import ForwardError, record
from netscope.trace.memory import free_memory, too_large


class Does(nn.Module):
    """A linear layer and a function that uses it."""

    def __init__(self, does: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.does = does
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Any:
        return self.does(self.linear, x)


def test_a_generator_is_run_to_its_end() -> None:
    def thrice(linear: nn.Module, x: Tensor) -> Iterator[Tensor]:
        for _ in range(3):
            yield linear(x)

    report = summary(Does(thrice), input="4")
    assert report.macs == 3 * 16
    assert report.root.output_shapes == ((1, 4),) * 3
    assert sum(layer.own_macs for layer in report.layers) == report.macs


def test_an_exit_in_the_forward_is_an_error_like_others() -> None:
    with pytest.raises(TraceError, match="SystemExit: 4"):
        summary(Does(lambda linear, x: sys.exit(4)), input="4")


def test_an_error_without_words_ends_without_a_colon() -> None:
    def fails(linear: nn.Module, x: Tensor) -> None:
        raise RuntimeError

    with pytest.raises(TraceError) as caught:
        summary(Does(fails), input="4")
    assert str(caught.value).endswith("RuntimeError")


def test_modules_that_run_in_other_threads_are_named() -> None:
    def elsewhere(linear: nn.Module, x: Tensor) -> Tensor:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(linear, x).result()

    report = summary(Does(elsewhere), input="4")
    assert report.facts is not None
    assert [one.what for one in report.facts.unseen] == ["work of linear in a thread of its own"]


def test_a_layer_that_was_compiled_in_place_has_its_row_and_stays_compiled() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    model[0].compile(backend="eager")
    compiled = vars(model[0])["_compiled_call_impl"]
    report = summary(model, input="4")
    assert [(layer.path, layer.calls, layer.macs) for layer in report.layers[1:]] == [
        ("0", 1, 32),
        ("1", 1, 0),
        ("2", 1, 16),
    ]
    assert vars(model[0])["_compiled_call_impl"] is compiled
    assert nn.Module._compiled_call_impl is None


def test_nested_tensors_are_refused() -> None:
    nested = torch.nested.nested_tensor([torch.ones(3, 4), torch.ones(5, 4)], layout=torch.jagged)
    with pytest.raises(UsageError, match="nested tensor"):
        summary(nn.Linear(4, 2), args=(nested,))


def test_an_exported_program_stays_in_its_mode() -> None:
    exported = torch.export.export(nn.Sequential(nn.Linear(4, 6), nn.ReLU()), (torch.ones(2, 4),)).module()
    assert summary(exported, args=(torch.ones(2, 4),)).macs == 48


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_scripted_modules_are_traced_in_the_mode_asked_for_and_keep_theirs() -> None:
    model = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    model[1].eval() if hasattr(model[1], "eval") else None
    before = [module.training for module in model.modules()]
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    x = torch.ones(2, 3, 8, 8)
    in_eval, in_train = summary(model, args=(x,)), summary(model, args=(x,), train=True)
    assert in_eval.vector is not None
    assert in_train.vector is not None
    assert in_eval.vector.total < in_train.vector.total  # statistics of the batch
    assert [module.training for module in model.modules()] == before
    assert all(torch.equal(kept[name], value) for name, value in model.state_dict().items())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_flex_attention_is_one_operator() -> None:
    from torch.nn.attention.flex_attention import flex_attention

    class Flexible(nn.Module):
        def forward(self, q: Tensor) -> Any:
            return flex_attention(q, q, q)

    report = summary(Flexible(), args=(torch.randn(1, 2, 16, 8),))
    assert report.macs == 2 * (2 * 16 * 16 * 8)
    assert report.root.output_shape == (1, 2, 16, 8)
    assert report.unknown == {}


@pytest.mark.parametrize(("sign", "macs"), [(1, 16), (-1, 0)])
def test_a_condition_is_followed(sign: int, macs: int) -> None:
    def branches(linear: nn.Module, x: Tensor) -> Any:
        return torch.cond(x.sum() > 0, linear, torch.clone, (x,))

    report = summary(Does(branches), args=(sign * torch.ones(1, 4),))
    assert (report.macs, report.rung) == (macs, "real")


def test_a_result_that_was_resized_is_recorded_with_its_size() -> None:
    net = nn.Sequential(nn.CrossMapLRN2d(2), nn.BatchNorm2d(4, track_running_stats=False))
    report = summary(net, args=(torch.randn(2, 4, 3, 3),))
    assert report.unknown == {}
    assert report["1"].input_shapes == ((2, 4, 3, 3),)


class Experts(nn.Module):
    """A mixture of experts that first asks its input something."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 16, 8))

    def forward(self, x: Tensor) -> Tensor:
        assert x.device.type == "cpu"  # no meta tensors, please
        ends = torch.tensor([2, 5, 7, 10], dtype=torch.int32)
        return torch._grouped_mm(x, self.weight, offs=ends)


def test_a_fake_tensors_missing_kernel_is_stood_in_for() -> None:
    trace = record(Workload("experts", Experts(), (torch.randn(10, 16),)), ladder=("fake",))
    assert [op.operator.outputs[0].shape for op in trace.ops][-1] == (10, 8)


def test_weights_that_do_not_fit_are_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netscope.trace.memory.free_memory", lambda: 100)

    def never() -> nn.Module:
        made = Does(lambda linear, x: linear(x) * x.sum().item())
        assert made.linear.weight.is_meta, "the weights were built"
        return made

    net = Does(lambda linear, x: linear(x) * x.sum().item()).to("meta")
    with pytest.raises(ForwardError) as caught:
        record(Workload("big", net, (TensorSpec((1, 4)),), rebuild=never))
    assert caught.value.trace.rung in ("meta", "fake")
    assert caught.value.not_real == "the weights take 80 B, and 100 B are free"
    assert caught.value.trace.notes == (
        "not tried on real tensors: the weights take 80 B, and 100 B are free",
    )


def test_what_fits() -> None:
    assert too_large(nn.Linear(4, 4), free=2**20) is None
    assert too_large(nn.Linear(1024, 1024, device="meta"), free=2**20) is not None
    free = free_memory()
    assert free is None or free > 2**20


def test_a_view_long_after_the_work_is_not_what_a_row_made() -> None:
    class Token(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.cat([x, x], 1)
            return self.linear(x)[:, 0]

    row = summary(Token(), args=(torch.ones(1, 3, 4),))["(functional)"]
    assert row.output_shape == (1, 6, 4)
