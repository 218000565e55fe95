"""Linears, norms, embeddings, attention and recurrent networks, by hand arithmetic and by hypothesis."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import netscope
from netscope.answers.explain import Explanation
from tests.answers.explain.support import holds, surprises
from tests.models import Attention, GroupedQueryAttention, PackedLSTM, Raises, TiedEmbedding, shared_linear
from tests.reports import leaf, report


def explained(module: nn.Module, *args: Any, **kwargs: Any) -> Explanation:
    traced = netscope.summary(module, args=args, kwargs=kwargs)
    holds(traced)
    assert surprises(traced) == []
    return netscope.explain(traced)[0]


def spec(*shape: int, dtype: str = "float32") -> netscope.TensorSpec:
    return netscope.TensorSpec(shape, dtype)


def test_a_linear():
    said = explained(nn.Linear(9216, 4096), spec(1, 9216))
    assert said["params"].formula == "(9216 + 1)*4096"
    assert said["macs"].formula == "9216*4096"
    assert (said["params"].value, said["macs"].value) == (37_752_832, 37_748_736)
    said = explained(nn.Linear(768, 3072, bias=False), spec(2, 197, 768))
    assert said["params"].formula == "768*3072"
    assert said["macs"].formula == "394 * 768*3072"


def test_a_bilinear():
    said = explained(nn.Bilinear(3, 4, 5), spec(2, 3), spec(2, 4))
    assert said["params"].formula == "(3*4 + 1)*5"
    assert said["macs"].value == 2 * 5 * (12 + 4)


def test_norms_have_a_scale_and_a_shift_for_each_feature():
    said = explained(nn.BatchNorm2d(64), spec(1, 64, 8, 8))
    assert (said["params"].formula, said["params"].value) == ("2*64", 128)
    assert (said["statistics"].formula, said["statistics"].value) == ("2*64", 128)
    assert said["params"].note == "a scale and a shift for each feature"
    assert explained(nn.LayerNorm((4, 8), bias=False), spec(2, 4, 8))["params"].formula == "32"
    assert explained(nn.GroupNorm(2, 6), spec(1, 6, 5))["params"].value == 12
    none = explained(nn.InstanceNorm2d(6), spec(1, 6, 5, 5))
    assert (none["params"].value, none["params"].note) == (0, "it learns nothing")


def test_embeddings_are_looked_up():
    said = explained(nn.Embedding(100, 16), spec(2, 5, dtype="int64"))
    assert (said["params"].formula, said["params"].value) == ("100*16", 1600)
    assert (said["macs"].value, said["macs"].note) == (0, "a row is looked up, not multiplied")
    assert said["output_bytes"].formula == "2*5*16*4"


def test_multi_head_attention_step_by_step():
    net = nn.MultiheadAttention(8, 2, batch_first=True)
    said = explained(net, spec(3, 5, 8), spec(3, 7, 8), spec(3, 7, 8))
    assert said["params"].formula == "3*8*8 + 3*8 + (8 + 1)*8"
    assert said["head_width"].formula == "8/2"
    assert said["projection_macs"].value == 3 * (5 * 64 + 7 * 64 + 7 * 64)
    assert said["score_macs"].formula == "3*2*5*7*4"
    assert said["output_macs"].formula == "3*5*8*8"
    assert said["macs"].value == 3 * (5 + 7 + 7 + 5) * 64 + 2 * 3 * 5 * 7 * 8


def test_attention_without_biases_with_sizes_of_its_own_and_more_keys():
    net = nn.MultiheadAttention(8, 2, kdim=6, vdim=4, add_bias_kv=True, add_zero_attn=True)
    said = explained(net, spec(5, 3, 8), spec(7, 3, 6), spec(7, 3, 4))
    assert said["params"].value == sum(p.numel() for p in net.parameters())
    assert said["score_macs"].value == 3 * 5 * (7 + 2) * 8
    bare = explained(nn.MultiheadAttention(8, 4, bias=False), spec(5, 8), spec(5, 8), spec(5, 8))
    assert bare["params"].formula == "4*8*8"


def test_scaled_dot_product_attention():
    said = explained(Attention(), spec(2, 3, 5, 4))
    assert (said["macs"].formula, said["macs"].value) == ("2*2*3*5*5*4", 2 * 2 * 3 * 5 * 5 * 4)
    said = explained(GroupedQueryAttention(), spec(1, 8, 5, 4), spec(1, 2, 7, 4))
    assert said["macs"].value == 2 * 8 * 5 * 7 * 4


def test_recurrent_networks():
    said = explained(nn.LSTM(32, 64), spec(10, 2, 32))
    assert (said["params"].formula, said["macs"].formula) == ("4*64*(32 + 64 + 2)", "20*4*64*(32 + 64)")
    said = explained(nn.GRU(4, 6, num_layers=3, bidirectional=True, bias=False), spec(7, 1, 4))
    assert said["params"].formula == "2*3*6*(4 + 6) + 4*3*6*(12 + 6)"
    projected = nn.LSTM(8, 16, num_layers=2, proj_size=5, batch_first=True)
    said = explained(projected, spec(3, 4, 8))
    assert said["params"].value == sum(p.numel() for p in projected.parameters())
    assert explained(nn.RNNCell(4, 6), spec(3, 4))["params"].formula == "1*6*(4 + 6 + 2)"
    assert explained(nn.LSTMCell(4, 6), spec(3, 4))["macs"].formula == "3*4*6*(4 + 6)"


def test_a_packed_sequence_has_as_many_rows_as_it_has_steps():
    packed = nn.utils.rnn.pack_sequence([torch.rand(n, 4) for n in (7, 3, 1)])
    traced = netscope.summary(PackedLSTM(), args=(packed,))
    holds(traced)
    assert netscope.explain(traced, "lstm")[0]["macs"].formula == "11*4*6*(4 + 6)"


@given(
    kind=st.sampled_from([nn.RNN, nn.GRU, nn.LSTM]),
    sizes=st.tuples(*[st.integers(1, 6)] * 4),
    layers=st.integers(1, 3),
    both=st.booleans(),
    bias=st.booleans(),
)
@settings(max_examples=25)
def test_any_recurrent_network_is_derived(kind: Any, sizes: Any, layers: int, both: bool, bias: bool):
    took, hidden, steps, batch = sizes
    net = kind(took, hidden, layers, bidirectional=both, bias=bias)
    said = explained(net, spec(steps, batch, took))
    assert said["params"].value == sum(p.numel() for p in net.parameters())
    assert said["macs"].formula


def test_a_composite_is_the_sum_of_its_parts():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    said = explained(net, spec(1, 4))
    assert (said["params"].formula, said["params"].value) == ("2*20 + 10", 50)
    assert (said["macs"].formula, said["macs"].value) == ("2*16 + 8", 40)
    assert [part.path for part in said.parts] == ["0", "1", "2", "3"]


def test_shared_weights_are_taken_off_once():
    said = explained(shared_linear(), spec(1, 10))
    assert said["params"].formula == "2*110 - 110"
    assert said["params"].note == "the sum of its parts, 110 shared between them counted once"
    assert said["macs"].formula == "2*100"
    tied = explained(TiedEmbedding(), spec(1, 3, dtype="int64"))
    assert tied["params"].formula == "2*1600 - 1600"


def test_a_layer_that_is_called_twice():
    layer = nn.Linear(4, 4)
    traced = netscope.summary(nn.Sequential(layer, nn.ReLU(), layer), input="4")
    holds(traced)
    # The second place is a row of its own, which shares the first one's weight.
    assert netscope.explain(traced)["2"]["macs"].value == 16

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(self.inner(x))

    traced = netscope.summary(Twice(), input="4")
    holds(traced)
    line = netscope.explain(traced, "inner")[0]["macs"]
    assert (line.formula, line.note) == ("2*4*4", "2 calls")


def test_a_layer_that_was_never_called_still_has_its_parameters():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(4, 4), nn.Conv2d(3, 2, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    traced = netscope.summary(Idle(), input="4")
    holds(traced)
    assert netscope.explain(traced, "idle")[0]["params"].formula == "(5*5*3 + 1)*2"


def test_a_forward_that_raises_is_explained_as_far_as_it_came():
    with pytest.raises(netscope.TraceError) as caught:
        netscope.summary(Raises(), input="4")
    assert caught.value.report is not None
    holds(caught.value.report)
    assert netscope.explain(caught.value.report, "first")[0]["params"].formula == "(4 + 1)*8"


def test_an_operator_that_nothing_could_count_is_named():
    whole = report("net", "Net", [leaf("odd", "Odd", (1, 4), (1, 4), operators={"my.op.default": 1},
                                       unknown={"my.op.default": 1}, macs=None)])  # fmt: skip
    line = netscope.explain(whole, "odd")[0]["macs"]
    assert (line.value, line.note) == (None, "≥ 0: my.op.default could not be counted")
