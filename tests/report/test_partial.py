"""What a report does not know: unseen work, a forward that failed, layers that others use, lazy parameters.

Expected figures are by hand, see `tests.partial`.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

import netscope
from netscope.base.cost import VectorOps
from netscope.report.layer import UNCALLED, UNDONE
from netscope.report.partial import own_unknown, places, unmade, with_failure
from netscope.report.report import Report
from tests.partial import NUMPY, THREAD, Borrows, Fails, Net, failed, unseen


def figures(report: Report) -> dict[str, tuple[int | None, int, int | None]]:
    return {layer.path: (layer.macs, layer.counted_macs, layer.output_bytes) for layer in report.layers}


# Unseen work


def test_unseen_work_makes_lower_bounds_of_its_layer_and_of_all_around() -> None:
    report = unseen(("block.fc", NUMPY))
    assert report["block.fc"].unknown == report["block.fc"].unseen == {NUMPY: 1}
    assert report["block"].unknown == {NUMPY: 1}
    assert report.unknown == {NUMPY: 1}
    assert figures(report) == {
        "": (None, 64 + 64 + 16, None),
        "stem": (64, 64, 32),
        "block": (None, 64, None),
        "block.fc": (None, 64, None),
        "block.aux": (0, 0, 0),  # nothing in fc could have run it
        "block.kept": (0, 0, 0),
        "block.kept.0": (0, 0, 0),
        "block.(functional)": (0, 0, 32),
        "idle": (0, 0, 0),
        "head": (16, 16, 8),
    }
    assert (report.macs, report.flops, report.vector, report.output_bytes) == (None,) * 4
    assert report.counted_macs == 144
    assert report.counted_vector == VectorOps(add=8 + 8 + 2, mul=8)
    assert report.counted_output_bytes == 32 + 32 + 32 + 8
    assert report.share(64) is None
    assert not report.whole
    assert report.unknown_calls == 0


def test_layers_without_a_call_may_have_run_where_nothing_was_seen() -> None:
    report = unseen(("block", THREAD), ("block", THREAD))
    assert report.unknown == {THREAD: 2, UNCALLED: 2}
    for path in ("block.aux", "block.kept.0"):
        assert report[path].unknown == {UNCALLED: 1}
        assert (report[path].macs, report[path].vector, report[path].output_bytes) == (None, None, None)
    assert report["block.kept"].macs is None
    assert report["block.fc"].macs == report["stem"].macs == 64
    assert report["idle"].macs == 0  # outside of the block
    assert report.weight_layers is None
    # The block has work of its own, which has its own row.
    assert places(report) == {
        THREAD: ["block.(functional)"],
        UNCALLED: ["block.aux", "block.kept.0"],
    }


def test_what_belongs_nowhere_is_the_roots_and_may_have_run_anything() -> None:
    report = unseen((None, THREAD))
    assert report.root.unknown == {THREAD: 1, UNCALLED: 3}
    assert report["idle"].macs is None
    assert report["block"].macs is None  # aux is in it
    assert report["stem"].macs == 64
    assert places(report)[THREAD] == [""]


def test_own_shares_add_up_to_the_whole() -> None:
    report = unseen((None, THREAD), ("block", NUMPY), ("head", NUMPY))
    total: dict[str, int] = {}
    for own in own_unknown(report):
        for what, times in own.items():
            total[what] = total.get(what, 0) + times
    assert total == report.unknown == {THREAD: 1, NUMPY: 2, UNCALLED: 3}


def test_operators_without_a_formula_stay_what_they_were() -> None:
    class Odd(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.linalg.eigvals(x.view(2, 2, 2)).real.repeat(1, 2).view(1, 8))

    report = unseen(net=Odd())
    assert list(report.unknown) == ["aten.linalg_eig.default"]
    assert report.whole
    assert report.macs is None
    assert report.output_bytes is not None  # what an operator returned was seen
    assert unseen(("head", NUMPY), net=Odd()).unknown == {"aten.linalg_eig.default": 1, NUMPY: 1}


def test_an_input_that_nobody_was_seen_to_read_is_no_note() -> None:
    class Deaf(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(3)

    assert unseen(net=Deaf()).notes
    assert not unseen((None, NUMPY), net=Deaf()).notes


# A forward that failed


def test_what_a_failed_forward_left_undone_is_unknown() -> None:
    report = failed(Fails(), torch.zeros(1, 8))
    assert report.error_path == "body.1"
    assert figures(report) == {
        "": (None, 32 + 16, None),
        "stem": (32, 32, 16),
        "body": (None, 16, None),
        "body.0": (16, 16, 16),
        "body.1": (None, 0, None),  # raised
        "body.2": (None, 0, None),  # never reached
        "head": (None, 0, None),
        "(functional)": (None, 0, None),  # the network's own forward might have gone on
    }
    assert all(layer.vector is None for layer in report.layers if layer.macs is None)
    assert set(report.unknown) == {UNDONE}
    assert report.counted_output_bytes == 16 + 16 + 16
    assert report.params == 36 + 20 + 36 + 10
    assert report.weight_layers is None
    assert report.share(16) is None


def test_a_failure_in_the_networks_own_forward() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)
            self.later = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.later(self.fc(x).reshape(3, 3))

    report = failed(Own(), torch.zeros(1, 8))
    assert {path: macs for path, (macs, _, _) in figures(report).items()} == {
        "": None,
        "fc": 64,
        "later": None,
    }


def test_a_container_is_known_once_all_in_it_are() -> None:
    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8)])
            self.second = nn.ModuleList([nn.Linear(8, 8), nn.Linear(4, 8)])
            self.empty = nn.ModuleList()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in (*self.first, *self.second):
                x = layer(x)
            return x

    report = failed(Listed(), torch.zeros(1, 8))
    assert report["first"].macs == 128
    assert report["second"].macs is None
    assert report["second.0"].macs == 64
    assert report["empty"].macs == 0  # nobody can call it


def test_marks_are_made_once() -> None:
    report = failed(Fails(), torch.zeros(1, 8))
    assert with_failure(report) == report


# Layers that others use


@pytest.mark.parametrize(("how", "macs"), [("functional", 64), ("forward", 64), ("matmul", 64), ("bias", 0)])
def test_a_layer_that_its_parent_uses_without_a_call_has_no_figures(how: str, macs: int) -> None:
    report = netscope.summary(Borrows(how), args=(torch.zeros(1, 8),))
    fc = report["fc"]
    assert (fc.calls, fc.used_by) == (0, ("",))
    assert (fc.macs, fc.flops, fc.vector, fc.output_bytes) == (None,) * 4
    assert fc.read_elsewhere
    assert fc.unknown == {}
    assert report.whole
    assert report.macs == macs + 16  # counted where it ran
    assert report.output_bytes == 32 + 8
    assert report.params == 72 + 18


def test_looking_at_a_weight_is_no_use_of_it() -> None:
    fc = netscope.summary(Borrows("look"), args=(torch.zeros(1, 8),))["fc"]
    assert (fc.macs, fc.used_by) == (0, ())


def test_attentions_output_projection_is_used_by_the_attention() -> None:
    net = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True))
    report = netscope.summary(net, input="3x8", train=True)
    assert report["0.self_attn.out_proj"].used_by == ("0.self_attn",)
    assert report["0.self_attn.out_proj"].macs is None
    # 3 tokens: projections 4*3*8*8, scores and sums 2*2*3*3*4, feed-forward 2*3*8*16
    assert report["0.self_attn"].macs == 768 + 144
    assert report.macs == 768 + 144 + 768


class Tied(nn.Module):
    """The head is tied to the table; `called` says whether it is called, or used by its weight."""

    def __init__(self, called: bool) -> None:
        super().__init__()
        self.called = called
        self.table = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.table(ids)
        return self.head(x) if self.called else nn.functional.linear(x, self.table.weight)


def test_tied_layers_that_are_both_called_are_fine() -> None:
    report = netscope.summary(Tied(called=True), input="3:int64")
    assert report["head"].macs == report.macs == 3 * 4 * 10
    assert not any(layer.used_by for layer in report.layers)


def test_a_tied_layer_that_is_not_called_is_used_too() -> None:
    report = netscope.summary(Tied(called=False), input="3:int64")
    assert report["head"].used_by == ("", "table")
    assert report["head"].macs is None
    assert report["table"].macs == 0
    assert report.macs == 3 * 4 * 10


def test_a_modules_own_parameters_may_be_used_within() -> None:
    """A container that is not called, whose scale a layer inside it reads: the work is inside as well."""

    class Scaled(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * self.scale[0]

    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))
            self.fc = Scaled(8, 8)
            self.fc.scale = [self.scale]

    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.holder = Holder()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.holder.fc(x)

    report = netscope.summary(Around(), args=(torch.zeros(1, 8),))
    assert report["holder"].used_by == ()
    assert report["holder"].macs == 64


# Lazy layers


def test_parameters_that_lazy_layers_did_not_make_are_not_known() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(4, 4), nn.LazyLinear(5))
    report = failed(net, torch.zeros(1, 8))
    assert unmade(report) == unmade(report, "2") == ["2"]
    assert unmade(report, "0") == []
    limits = netscope.check(
        report, params="1K", macs=">=0", trainable_params="1K", param_bytes="1MiB"
    ).verdicts
    assert [verdict.state for verdict in limits] == ["unknown"] * 4
    assert netscope.check(report, "0:params=72").passed


def test_a_lazy_layer_that_ran_is_as_any_other() -> None:
    report = netscope.summary(nn.Sequential(nn.LazyLinear(5)), args=(torch.zeros(1, 8),))
    assert unmade(report) == []
    assert netscope.check(report, params="==45").passed
