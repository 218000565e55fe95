from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from netscope.formulas import cost_of
from netscope.formulas.backward import CELL_BACKWARD
from netscope.formulas.recurrent import CELL, GATES
from tests.formulas.support import cost, macs_of, operator, recorded, spec

KINDS = sorted(GATES)


def parameters(
    kind: str, features: int, units: int, *, layers: int = 1, both: bool = False, bias: bool = True
) -> list[Any]:
    """Specs in the order in which nn.LSTM and its kin hand them over."""
    rows = GATES[kind] * units
    params = []
    for layer in range(layers):
        width = units * (2 if both else 1) if layer else features
        for _ in range(2 if both else 1):
            params += [spec(rows, width), spec(rows, units)] + ([spec(rows), spec(rows)] if bias else [])
    return params


def test_dense_lstm() -> None:
    """LSTM(10, 20) on (5, 3, 10): 15 tokens through 80x10 and 80x20."""
    state = [spec(1, 3, 20)] * 2
    out = (spec(5, 3, 20), *state)
    params = parameters("lstm", 10, 20)
    args = (spec(5, 3, 10), state, params, True, 1, 0.0, False, False, False)
    found = cost("aten.lstm.input", *args, out=out)
    assert found.macs == 15 * (80 * 10 + 80 * 20) == 36_000
    # two biases of 80, and the gates of 20 units
    gates = CELL["lstm"] * (15 * 20)
    assert found.vector.add == 15 * 160 + gates.add
    assert (found.vector.mul, found.vector.exp, found.vector.div) == (gates.mul, gates.exp, gates.div)


def test_packed_lstm_pays_for_no_padding() -> None:
    """LSTM(4, 6) on sequences of 7, 3 and 1: 11 tokens."""
    state = [spec(1, 3, 6)] * 2
    args = (spec(11, 4), spec(7, dtype="int64"), state, parameters("lstm", 4, 6), True, 1, 0.0, False, False)
    found = cost("aten.lstm.data", *args, out=(spec(11, 6), *state))
    assert found.macs == 11 * (24 * 4 + 24 * 6) == 2_640


@pytest.mark.parametrize("bias", [True, False])
def test_a_stack_in_both_directions(bias: bool) -> None:
    """2 layers, both ways, of 5 units on 3 features: the second layer reads 10."""
    params = parameters("gru", 3, 5, layers=2, both=True, bias=bias)
    args = (spec(4, 2, 3), spec(4, 2, 5), params, bias, 2, 0.0, False, True, False)
    found = cost("aten.gru.input", *args, out=(spec(4, 2, 10), spec(4, 2, 5)))
    tokens = 4 * 2
    assert found.macs == tokens * 2 * (15 * 3 + 15 * 5 + 15 * 10 + 15 * 5)
    assert found.vector.add == tokens * 4 * (30 * bias + 5 * CELL["gru"].add)


def test_projection_is_a_third_matrix() -> None:
    params = [spec(24, 4), spec(24, 3), spec(24), spec(24), spec(3, 6)]
    state = [spec(1, 2, 3), spec(1, 2, 6)]
    args = (spec(5, 2, 4), state, params, True, 1, 0.0, False, False, False)
    found = cost("aten.lstm.input", *args, out=(spec(5, 2, 3), *state))
    assert found.macs == 10 * (24 * 4 + 24 * 3 + 3 * 6)
    assert found.vector.exp == 10 * 6 * CELL["lstm"].exp  # 6 units, whatever the projection


def test_dropout_between_layers_in_training() -> None:
    params = parameters("rnn_tanh", 3, 5, layers=3)
    out = (spec(4, 2, 5), spec(3, 2, 5))
    head = (spec(4, 2, 3), spec(3, 2, 5), params, True, 3)
    evaluated = cost("aten.rnn_tanh.input", *head, 0.5, False, False, False, out=out).vector
    trained = cost("aten.rnn_tanh.input", *head, 0.5, True, False, False, out=out).vector
    assert trained.div - evaluated.div == trained.mul - evaluated.mul == 2 * (4 * 2 * 5)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_cost_what_their_written_out_form_costs(kind: str) -> None:
    """nn.LSTM and its kin, traced in whatever form this build of torch gives them."""
    modules: dict[str, Any] = {
        "lstm": torch.nn.LSTM,
        "gru": torch.nn.GRU,
        "rnn_tanh": torch.nn.RNN,
        "rnn_relu": lambda *a, **k: torch.nn.RNN(*a, nonlinearity="relu", **k),
    }
    module = modules[kind](3, 5, num_layers=2, bidirectional=True).eval()
    x = torch.randn(4, 2, 3)
    params = parameters(kind, 3, 5, layers=2, both=True)
    hx: Any = [spec(4, 2, 5)] * 2 if kind == "lstm" else spec(4, 2, 5)
    args = (spec(4, 2, 3), hx, params, True, 2, 0.0, False, True, False)
    found = cost(f"aten.{kind}.input", *args, out=spec(4, 2, 10))

    def run() -> None:
        with torch.no_grad():
            module(x)

    assert macs_of(run) == found.macs


def test_packed_layers_too() -> None:
    module = torch.nn.LSTM(4, 6)
    packed = pack_sequence([torch.randn(n, 4) for n in (7, 3, 1)])
    assert macs_of(lambda: module(packed)) == 2_640


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_one_token_per_sample(kind: str) -> None:
    w_ih, w_hh, b_ih, b_hh = parameters(kind, 4, 6)
    state: Any = [spec(3, 6)] * 2 if kind == "lstm" else spec(3, 6)
    found = cost(f"aten.{kind}_cell.default", spec(3, 4), state, w_ih, w_hh, b_ih, b_hh, out=spec(3, 6))
    rows = GATES[kind] * 6
    assert found.macs == 3 * rows * (4 + 6)
    assert found.vector.exp == 3 * 6 * CELL[kind].exp


def test_the_fused_cell_is_gates_alone() -> None:
    gates = spec(3, 24)
    found = cost("aten._thnn_fused_lstm_cell.default", gates, gates, spec(3, 6), spec(24), spec(24))
    assert (found.kind, found.macs) == ("vector", 0)
    assert found.vector.add == 3 * (24 + 24) + 18 * CELL["lstm"].add


def test_cudnn_and_onednn_count_the_same() -> None:
    w_ih, w_hh, b_ih, b_hh = params = parameters("lstm", 4, 6)
    x, h = spec(5, 2, 4), spec(1, 2, 6)
    expected = cost(
        "aten.lstm.input", x, [h, h], params, True, 1, 0.0, False, False, False, out=spec(5, 2, 6)
    )
    cudnn: tuple[Any, ...] = (x, params, 4, None, h, h, 2, 6, 0, 1, False, 0.0, False, False, [], None)
    assert cost("aten._cudnn_rnn.default", *cudnn, out=spec(5, 2, 6)) == expected
    onednn: tuple[Any, ...] = (x, w_ih, w_hh, b_ih, b_hh, h, h, False, [], 2, 6, 1, True, False, False, False)
    assert cost("aten.mkldnn_rnn_layer.default", *onednn, out=spec(5, 2, 6)) == expected


def test_quantised_weights_are_sized_by_the_state() -> None:
    state = [spec(2, 3, 6)] * 2
    args = (spec(5, 3, 4), state, ["<CellParamsBase>"] * 2, True, 2, 0.0, False, False, False)
    found = cost("aten.quantized_lstm.input", *args, out=(spec(5, 3, 6), *state))
    assert found.macs == 15 * (24 * 4 + 24 * 6 + 24 * 6 + 24 * 6)


def test_packed_parameters_out_of_sight_are_unknown() -> None:
    args = (spec(5, 3, 4), [spec(1, 3, 6)] * 2, ["<opaque>"], True, 1, 0.0, False, False, False)
    assert cost_of(operator("aten.lstm.input", *args, out=spec(5, 3, 6))) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_backward_of_a_cudnn_stack(kind: str) -> None:
    """Two layers of 6 units on 4 features, 10 tokens: the gradients of what came in, and of the weights."""
    params = parameters(kind, 4, 6, layers=2)
    x, h, out = spec(5, 2, 4), spec(2, 2, 6), spec(5, 2, 6)
    mode = ("rnn_relu", "rnn_tanh", "lstm", "gru").index(kind)
    head = (x, params, 4, spec(1), h, h if kind == "lstm" else None, out, out, None, None, mode, 6)
    tail = (2, False, 0.0, True, False, [], None, spec(1))
    rows = GATES[kind] * 6
    forward = 10 * rows * (4 + 6 + 6 + 6)
    for mask, passes in (
        ([True, True, True, True], 2),
        ([False, False, False, True], 2),
        ([True] * 3 + [False], 1),
    ):
        found = cost("aten._cudnn_rnn_backward.default", *head, 0, *tail, mask)
        assert found.macs == forward * passes
        assert found.vector == CELL_BACKWARD[kind] * (10 * 6 * 2)
        assert cost("aten.miopen_rnn_backward.default", *head, *tail, mask) == found


def test_onednn_and_cudnn_count_the_same_backward() -> None:
    """One LSTM layer, really run on the processor, against what cuDNN would be handed."""
    layer = torch.nn.LSTM(4, 6)
    x = torch.ones(5, 2, 4)
    ran = recorded(lambda: layer(x)[0].sum().backward())
    found = [cost_of(op) for op in ran if op.name == "aten.mkldnn_rnn_layer_backward.default"]
    if not found:
        pytest.skip("this torch runs LSTMs otherwise here")
    params, out, h = parameters("lstm", 4, 6), spec(5, 2, 6), spec(1, 2, 6)
    head = (spec(5, 2, 4), params, 4, spec(1), h, h, out, out, None, None, 2, 6, 0)
    tail = (1, False, 0.0, True, False, [], None, spec(1), [True] * 4)
    assert found == [cost("aten._cudnn_rnn_backward.default", *head, *tail)]


def test_the_backward_of_fused_cells_is_gates_alone() -> None:
    gru = cost("aten._thnn_fused_gru_cell_backward.default", spec(3, 6), spec(3, 30), True)
    assert (gru.macs, gru.vector) == (0, CELL_BACKWARD["gru"] * 18)
    lstm = cost("aten._thnn_fused_lstm_cell_backward_impl.default", spec(3, 6), None, spec(3, 6), spec(3, 6))
    assert (lstm.macs, lstm.vector) == (0, CELL_BACKWARD["lstm"] * 18)
