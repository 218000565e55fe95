"""Recurrent networks, whole layers and single cells.

Every weight matrix of a layer (input to hidden, hidden to hidden, projection; both directions)
multiplies every token once, and every bias is added to every token once. So over the parameter list

    MACs = tokens x elements of the matrices,    bias additions = tokens x elements of the vectors

and what remains is the arithmetic of the gates, per token and hidden unit:

    LSTM   4 sums of the two products, 3 sigmoids, c = f*c + i*tanh(g), h = o*tanh(c)
    GRU    2 sums and sigmoids, n = tanh(x + r*h), h = (h - n)*z + n
    RNN    1 sum, tanh or ReLU

(sigmoid: exp, add, div; see pointwise.py). A packed batch has as many tokens as it has rows, so its
padding costs nothing.
"""

from __future__ import annotations

from typing import Any, Final

from netscope.base.cost import Cost, VectorOps
from netscope.base.workload import TensorSpec
from netscope.formulas.registry import (
    Uncountable,
    arg,
    contraction,
    formula,
    ops,
    optional_tensor,
    packet_of,
    product,
    specs_in,
    tensor,
)
from netscope.trace.facts import Operator

_SIGMOID: Final = VectorOps(exp=1, add=1, div=1)
_TANH: Final = VectorOps(exp=1)

GATES: Final[dict[str, int]] = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}

# Gate arithmetic per token and hidden unit, the sum of the two products included.
CELL: Final[dict[str, VectorOps]] = {
    "lstm": VectorOps(add=4) + _SIGMOID * 3 + _TANH * 2 + VectorOps(mul=3, add=1),
    "gru": VectorOps(add=2) + _SIGMOID * 2 + VectorOps(mul=1, add=1) + _TANH + VectorOps(add=2, mul=1),
    "rnn_tanh": VectorOps(add=1) + _TANH,
    "rnn_relu": VectorOps(add=1, cmp=1),
}

# cuDNN's and oneDNN's numbering of the same four.
RNN_MODES: Final = ("rnn_relu", "rnn_tanh", "lstm", "gru")


def recurrent_cost(cell: str, tokens: int, params: list[TensorSpec], groups: int) -> Cost:
    """A stack of layers. `groups` is layers x directions, among which `params` divide evenly."""
    if not params or groups < 1 or len(params) % groups:
        raise Uncountable("the parameters are packed")
    step = len(params) // groups
    macs = tokens * sum(p.numel for p in params if len(p.shape) == 2)
    biases = tokens * sum(p.numel for p in params if len(p.shape) == 1)
    # Each group begins with its input-to-hidden matrix, gates x hidden units tall.
    units = sum(first.shape[0] // GATES[cell] for first in params[::step])
    return contraction(macs, VectorOps(add=biases) + CELL[cell] * (tokens * units))


def _tokens(x: TensorSpec) -> int:
    return product(x.shape[:-1])


@formula("aten.lstm", "aten.gru", "aten.rnn_tanh", "aten.rnn_relu", "aten._lstm_mps")
def recurrent(op: Operator) -> Cost:
    """A dense or a packed sequence through a stack of layers.

    input: (x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first);
    data: (rows, batch_sizes, hx, params, ...) for a packed sequence.
    """
    cell = packet_of(op).removeprefix("_").removesuffix("_mps")
    shift = 1 if op.name.endswith(".data") else 0
    x = tensor(op, 0, "data" if shift else "input")
    layers = int(arg(op, 4 + shift, "num_layers"))
    directions = 2 if arg(op, 7 + shift, "bidirectional") else 1
    params = specs_in(arg(op, 2 + shift, "params"))
    tokens = _tokens(x)
    cost = recurrent_cost(cell, tokens, params, layers * directions)
    dropped = float(arg(op, 5 + shift, "dropout", 0.0)) > 0 and bool(arg(op, 6 + shift, "train"))
    # Between layers, what both directions hand on is divided by the keep rate and masked.
    between = tokens * op.outputs[0].shape[-1] * (layers - 1) if dropped and op.outputs else 0
    return contraction(cost.macs, cost.vector + VectorOps(div=between, mul=between))


@formula("aten.quantized_lstm", "aten.quantized_gru")
def quantized_recurrent(op: Operator) -> Cost:
    """The weights are packed out of sight, so their sizes come from the input and the hidden state.

    hx is (layers x directions, batch, H). The first layer reads the input's features, each further one
    the H x directions of the layer below; per token and direction that is gates x H x (in + H) MACs
    and, with biases, two vectors of gates x H. Dynamic quantisation has no projections.
    """
    cell = packet_of(op).removeprefix("quantized_")
    shift = 1 if ".data" in op.name else 0
    x = tensor(op, 0, "input")
    hidden = specs_in(arg(op, 1 + shift, "hx"))
    if not hidden:
        raise Uncountable("no hidden state")
    units = hidden[0].shape[-1]
    layers = int(arg(op, 4 + shift, "num_layers"))
    directions = 2 if arg(op, 7 + shift, "bidirectional") else 1
    biased = bool(arg(op, 3 + shift, "has_biases"))
    params: list[TensorSpec] = []
    for layer in range(layers):
        features = units * directions if layer else x.shape[-1]
        rows = GATES[cell] * units
        group = [TensorSpec((rows, features)), TensorSpec((rows, units))]
        params += (group + [TensorSpec((rows,))] * (2 if biased else 0)) * directions
    return recurrent_cost(cell, _tokens(x), params, layers * directions)


@formula("aten._cudnn_rnn", "aten.miopen_rnn")
def cudnn_rnn(op: Operator) -> Cost:
    """(input, weights, weight_stride0, ...): weight_stride0 parameters make one group."""
    x, weights = tensor(op, 0, "input"), specs_in(arg(op, 1, "weight"))
    # cuDNN has a flat buffer before hx, MIOpen has not.
    mode = RNN_MODES[int(arg(op, 6 if "_cudnn" in op.name else 5, "mode"))]
    groups = len(weights) // max(int(arg(op, 2, "weight_stride0")), 1)
    return recurrent_cost(mode, _tokens(x), weights, groups)


@formula("aten.mkldnn_rnn_layer")
def mkldnn_rnn_layer(op: Operator) -> Cost:
    """One layer in one direction: (input, w_ih, w_hh, b_ih, b_hh, hx, cx, reverse, sizes, mode)."""
    x = tensor(op, 0, "input")
    params = [p for p in specs_in(list(op.args[1:5])) if p.numel]
    return recurrent_cost(RNN_MODES[int(arg(op, 9, "mode"))], _tokens(x), params, 1)


@formula("aten.lstm_cell", "aten.gru_cell", "aten.rnn_tanh_cell", "aten.rnn_relu_cell")
def cell(op: Operator) -> Cost:
    """(input, hx, w_ih, w_hh, b_ih, b_hh): one step, so the batch is the tokens."""
    x = tensor(op, 0, "input")
    params: list[Any] = [arg(op, i, n) for i, n in enumerate(("w_ih", "w_hh", "b_ih", "b_hh"), start=2)]
    name = packet_of(op).removesuffix("_cell")
    return recurrent_cost(name, _tokens(x), specs_in(params), 1)


@formula("aten._thnn_fused_lstm_cell", "aten._thnn_fused_gru_cell")
def fused_cell(op: Operator) -> Cost:
    """The gates alone: both products were made before, by matrix products of their own."""
    name = "lstm" if "lstm" in op.name else "gru"
    gates, state = tensor(op, 0, "input_gates"), tensor(op, 2, "cx")
    biases = sum(optional_tensor(op, i, n) is not None for i, n in ((3, "input_bias"), (4, "hidden_bias")))
    return ops(VectorOps(add=biases * gates.numel), CELL[name] * state.numel)
