"""`netscope.memory`: figures by hand, what is asked of it, and what it refuses."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

import netscope
from netscope.base.errors import TraceError, UsageError
from netscope.report.report import Report
from netscope.trace.step.optimizers import names

# 4 -> 8 -> 2 on three samples: 58 parameters, 232 bytes of them, 8 + 4 + ... of float32.
PARAMETERS = 4 * (4 * 8 + 8 + 8 * 2 + 2)
INPUT = 4 * 3 * 4
HIDDEN = 4 * 3 * 8
LOGITS = 4 * 3 * 2
TARGETS = 8 * 3


def mlp(inplace: bool = False) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace), nn.Linear(8, 2))


def asked(module: nn.Module | None = None, **how: object) -> Report:
    args = (torch.randn(3, 4),)
    return netscope.memory(module or mlp(), args=args, device="cpu", **how)  # type: ignore[arg-type]


def test_a_forward_by_hand() -> None:
    report = asked()
    # Input, what the first layer made and what the activation makes of it, at once.
    assert report.inference_peak == INPUT + 2 * HIDDEN
    assert report.saved_for_backward is None
    assert report.training_peak is None
    assert report.memory is not None
    assert report.memory.parameters == PARAMETERS
    assert report.memory.inputs == INPUT
    # One of these less: now most is alive in the second layer.
    assert asked(mlp(inplace=True)).inference_peak == INPUT + HIDDEN + LOGITS


def test_what_is_saved_by_hand() -> None:
    report = asked(train=True)
    # The input for the first weight; the activation's result for itself and for the second weight. Of the
    # loss the logarithms, the targets, and how many of them count.
    assert report.saved_for_backward == INPUT + HIDDEN + LOGITS + TARGETS + 4
    saved = {layer.path: layer.saved for layer in report.layers}
    assert saved == {"": INPUT + HIDDEN + LOGITS + TARGETS + 4, "0": INPUT, "1": HIDDEN, "2": 0}


def test_frozen_parameters_keep_no_input() -> None:
    module = mlp()
    module[0].requires_grad_(False)
    # Nothing before the second layer has a gradient: it alone keeps what it was given.
    assert asked(module, train=True).saved_for_backward == HIDDEN + LOGITS + TARGETS + 4


def test_training_without_an_optimizer_by_hand() -> None:
    report = asked(train=True, optimizer=None, loss="mean")
    memory = report.memory
    assert memory is not None
    assert memory.training is not None
    # Input and hidden are kept; the loss is a number. At the second layer's backward there are its result,
    # its gradient, and the gradients of weight, bias and hidden.
    second = 4 * (8 * 2 + 2)
    assert report.training_peak is not None
    assert report.training_peak >= PARAMETERS + INPUT + HIDDEN + LOGITS + second + HIDDEN
    assert memory.gradients == PARAMETERS
    assert memory.optimizer is None


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [
        ("sgd", 0),
        ("sgd:momentum=0.9", PARAMETERS),
        # Two of each parameter's size, and a count of steps for each of the four.
        ("adamw", 2 * PARAMETERS + 4 * 4),
        ("adamw:amsgrad=true", 3 * PARAMETERS + 4 * 4),
        # Of a matrix a row and a column, of a vector its own size, and counts.
        ("adafactor", 4 * ((8 + 4) + 8 + (2 + 8) + 2) + 4 * 4),
    ],
)
def test_the_state_of_optimizers_by_hand(optimizer: str, state: int) -> None:
    memory = asked(train=True, optimizer=optimizer).memory
    assert memory is not None
    assert memory.optimizer_state == state


def test_gradients_that_stay_are_there_before_the_forward() -> None:
    gone, stays = (asked(train=True, set_to_none=value).memory for value in (True, False))
    assert gone is not None
    assert gone.training is not None
    assert stays is not None
    assert stays.training is not None
    forward = {part.name: part.begin for part in gone.training.parts}["forward"]
    assert {part.name: part.begin for part in stays.training.parts}["forward"] == forward + PARAMETERS


def test_accumulated_batches_come_one_after_the_other() -> None:
    memory = asked(train=True, accumulate=3).memory
    assert memory is not None
    assert memory.training is not None
    assert [part.name for part in memory.training.parts].count("backward") == 3


def test_checkpointed_layers_keep_their_input_alone() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 64), nn.Linear(64, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = self.two(self.one(x).relu())
            return made

    def net() -> nn.Module:
        return nn.Sequential(Block(), Block())

    plain = asked(net(), train=True, loss="mean").saved_for_backward
    again = asked(net(), train=True, loss="mean", checkpoint="*").saved_for_backward
    assert plain == 2 * (INPUT + 4 * 3 * 64)
    assert again == 2 * INPUT


def test_autocast_keeps_halves() -> None:
    plain, halves = (asked(train=True, amp=amp) for amp in (None, "bf16"))
    assert plain["1"].saved == HIDDEN
    assert halves["1"].saved == HIDDEN // 2
    assert halves.memory is not None
    assert halves.memory.amp == "bfloat16"


def test_the_timeline_has_its_peak() -> None:
    report = asked(train=True)
    assert report.timeline is not None
    assert max(moment.nbytes for moment in report.timeline) == report.training_peak
    assert report.memory is not None
    assert report.memory.training is not None
    assert report.memory.training.at.nbytes == report.training_peak
    roles = report.memory.training.roles
    assert sum(roles.values()) + report.memory.training.scratch == report.training_peak


def test_a_rank_has_its_part() -> None:
    memory = asked(train=True, shard="zero1", world=2).memory
    assert memory is not None
    assert memory.sharded is not None
    assert memory.sharded.parameters == PARAMETERS
    assert memory.sharded.optimizer_state == PARAMETERS + 8
    memory = asked(train=True, shard="fsdp", world=4).memory
    assert memory is not None
    assert memory.sharded is not None
    # 8 rows over 4 ranks are 2 each; 2 rows give one to the first two ranks.
    assert memory.sharded.parameters == 4 * (2 * 4 + 2 + 1 * 8 + 1)


def test_what_was_measured_is_what_was_said() -> None:
    memory = asked(train=True, measure=True).memory
    assert memory is not None
    assert memory.measured is not None
    assert memory.measured.inference_peak == memory.inference_peak
    # But for numbers of which torch makes tensors, of 8 and 4 bytes, as long as an operator runs.
    assert memory.measured.training_peak is not None
    assert memory.training_peak is not None
    assert 0 <= memory.measured.training_peak - memory.training_peak <= 16


def test_a_snapshot_has_the_peak(tmp_path: Path) -> None:
    report = netscope.memory(mlp(), args=(torch.randn(3, 4),), device="cuda", train=True)
    report.to_memory_snapshot(tmp_path / "step.pickle")
    snapshot = pickle.loads((tmp_path / "step.pickle").read_bytes())
    live = peak = 0
    for entry in snapshot["device_traces"][0]:
        live += {"alloc": entry["size"], "free_completed": -entry["size"]}.get(entry["action"], 0)
        peak = max(peak, live)
    assert peak == report.training_peak
    with pytest.raises(UsageError, match="has no step"):
        netscope.summary(mlp(), args=(torch.randn(3, 4),)).to_memory_snapshot()


def test_it_is_saved_with_the_report(tmp_path: Path) -> None:
    report = asked(train=True, shard="zero3")
    report.to_json(tmp_path / "it.json")
    again = netscope.load(tmp_path / "it.json")
    assert again.memory == report.memory
    assert again["1"].memory == report["1"].memory
    assert netscope.memory(tmp_path / "it.json").training_peak == report.training_peak


def test_limits_and_differences_ask_for_it() -> None:
    x = torch.randn(3, 4)
    found = netscope.check(mlp(), "training_peak<1MiB", "saved_for_backward<10", args=(x,))
    assert [verdict.passed for verdict in found.verdicts] == [True, False]
    change = netscope.diff(mlp(), mlp(inplace=True), args=(x,), memory=True)
    assert change.totals["inference_peak"].change == LOGITS - HIDDEN


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"optimizer": "adamwx", "train": True}, "no optimizer 'adamwx'"),
        ({"optimizer": "sgd:moment=1", "train": True}, "no option 'moment'"),
        ({"loss": "hinge"}, "no loss is named"),
        ({"device": "tpu"}, "is not known"),
        ({"accumulate": 0}, "whole number"),
        ({"shard": "zero9", "train": True}, "no way to shard"),
        ({"shard": "zero1"}, "step of training"),
        ({"checkpoint": "nothing.*", "train": True}, "no module's path"),
        ({"context": 0}, "tokens"),
    ],
)
def test_wrong_calls(how: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        netscope.memory(mlp(), args=(torch.randn(3, 4),), **{"device": "cpu", **how})  # type: ignore[arg-type]


def test_what_cannot_be_trained_is_told_of() -> None:
    x = torch.randn(3, 4)
    with pytest.raises(UsageError, match="nothing to train"):
        asked(nn.Linear(4, 2).requires_grad_(False), train=True)
    with pytest.raises(UsageError, match="lazy layers"):
        netscope.memory(nn.LazyLinear(2), args=(x,), device="cpu")
    with pytest.raises(UsageError, match="not an optimizer"):
        asked(train=True, optimizer=lambda parameters: None)
    with pytest.raises(UsageError, match="autocast knows no int8"):
        asked(train=True, amp="int8")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_optimizer_can_be_asked_for(device: str) -> None:
    for name in sorted(names().keys() - {"muon"}):  # which wants matrices alone
        report = netscope.memory(mlp(), args=(torch.randn(3, 4),), train=True, optimizer=name, device=device)
        assert report.training_peak is not None
        assert report.training_peak > 2 * PARAMETERS, name


def test_a_forward_that_raises_is_told_of() -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("broken")

    with pytest.raises(TraceError, match="broken"):
        netscope.memory(Broken(), args=(torch.randn(3, 4),), device="cpu")


def test_the_owners_module_is_as_it_was() -> None:
    module = mlp().eval()
    module[0].weight.grad = torch.ones(8, 4)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    asked(module, train=True, measure=True)
    assert not module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(module[0].weight.grad, torch.ones(8, 4))
    assert module[2].weight.grad is None
