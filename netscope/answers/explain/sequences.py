"""Attention and recurrent networks."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from netscope.answers.explain.formula import product, repeated, total
from netscope.answers.explain.lines import Derivation, Line
from netscope.report.layer import Layer, Shape

# Matrices and biases that a recurrent cell stacks: LSTM has four gates.
GATES: Final = {"RNN": 1, "GRU": 3, "LSTM": 4, "RNNCell": 1, "GRUCell": 3, "LSTMCell": 4}


def attention(layer: Layer) -> Derivation:
    """Multi-head attention of L queries on S keys, E features: Q, K and V are projected, and the result.

    Every head compares each query with each key over its share of the features, so all heads together
    take L*S*E for the scores and L*S*E for the weighted sum of the values.
    """
    hyper = layer.hyperparameters
    width, heads = int(hyper.get("embed_dim", 0)), int(hyper.get("num_heads", 1))
    kdim, vdim = int(hyper.get("kdim", width)), int(hyper.get("vdim", width))
    shapes = layer.parameter_shapes
    terms = [f"{width}*{width}", f"{width}*{kdim}", f"{width}*{vdim}"]
    biased = "in_proj_bias" in shapes
    learned = "bias_k" in shapes
    params = total([*terms, *([f"3*{width}"] if biased else []), *([f"2*{width}"] if learned else []),
                    f"({width} + 1)*{width}" if biased else f"{width}*{width}"])  # fmt: skip
    head = (
        Line("heads", "heads", heads),
        Line("head_width", "features each", width // heads, f"{width}/{heads}"),
    )
    known = Derivation(head=head, params=params, params_note="Q, K, V and output projections")
    counts = _queries_and_keys(layer)
    if counts is None:
        return known
    n, queries, keys = counts
    seen = keys + learned + bool(hyper.get("add_zero_attn"))
    projected = " + ".join([f"{queries}*{terms[0]}", f"{keys}*{terms[1]}", f"{keys}*{terms[2]}"])
    steps = (
        Line("projection_macs", "projections", n * (queries * width * width + keys * width * (kdim + vdim)),
             repeated(n, projected), "MACs"),
        Line("score_macs", "scores", n * queries * seen * width,
             product([n, heads, queries, seen, width // heads]), "MACs", "every query with every key"),
        Line("mix_macs", "weighted sums", n * queries * seen * width,
             product([n, heads, queries, seen, width // heads]), "MACs", "of the values, by the scores"),
        Line("output_macs", "output projection", n * queries * width * width,
             product([n, queries, width, width]), "MACs"),
    )  # fmt: skip
    return known._replace(
        head=(*head, *steps), macs=total(step.value or 0 for step in steps), macs_note="the four together"
    )


def _queries_and_keys(layer: Layer) -> tuple[int, int, int] | None:
    """Samples, queries and keys, from the shapes of the arguments."""
    places = {tensor.place.split(".")[-1]: tensor.shape for tensor in layer.inputs}
    query, key = places.get("query", places.get("0")), places.get("key", places.get("1"))
    if query is None or key is None or len(query) not in (2, 3):
        return None
    if len(query) == 2:
        return 1, query[0], key[0]
    batch, length = (0, 1) if layer.hyperparameters.get("batch_first") else (1, 0)
    return query[batch], query[length], key[length]


def scaled_dot_product(layer: Layer) -> Derivation:
    """Attention by itself: query (..., L, E), key (..., S, E), value (..., S, V) take L*S*(E + V) MACs.

    Without arguments (a row of functional work) the result's shape is taken for the query's and the
    key's; where that is wrong, nothing is said.
    """
    shapes: list[Shape] = [shape for shape in layer.input_shapes if len(shape) >= 2]
    if not shapes and layer.output_shape is not None and len(layer.output_shape) >= 2:
        shapes = [layer.output_shape]
    if not shapes:
        return Derivation()
    query, key = shapes[0], shapes[min(1, len(shapes) - 1)]
    value = shapes[min(2, len(shapes) - 1)]
    score = product([*query[:-2], query[-2], key[-2], query[-1]])
    mix = product([*query[:-2], query[-2], key[-2], value[-1]])
    macs = total([score, mix])
    return Derivation(macs=macs, macs_note="every query with every key, and the weighted sum of the values")


class _Step(NamedTuple):
    """One layer in one direction: its gates, hidden units, what comes in, what it hands on."""

    gates: int
    hidden: int
    took: int
    gave: int

    def matrices(self, biases: int = 0) -> str:
        """Gates x units x (input + fed back (+ biases)), and the projection where there is one."""
        inner = f"{self.took} + {self.gave}" + (f" + {biases}" if biases else "")
        projection = f" + {self.gave}*{self.hidden}" if self.gave != self.hidden else ""
        return f"{self.gates}*{self.hidden}*({inner}){projection}"


def recurrent(layer: Layer) -> Derivation:
    """Each gate multiplies the input and what was fed back, at every step and in every layer.

    The first layer reads the input's features; each further one reads what all directions of the layer
    below handed on.
    """
    hyper = layer.hyperparameters
    gates, hidden = GATES[layer.base], int(hyper.get("hidden_size", 0))
    took, stacked = int(hyper.get("input_size", 0)), int(hyper.get("num_layers", 1))
    gave = int(hyper.get("proj_size", 0)) or hidden
    directions = 2 if hyper.get("bidirectional") else 1
    steps = [_Step(gates, hidden, took if not i else gave * directions, gave) for i in range(stacked)]
    biases = 2 if any(p.name.startswith("bias") for p in layer.parameters) else 0

    def summed(bias: int) -> str:
        return total([step.matrices(bias) for step in steps for _ in range(directions)])

    shapes = layer.input_shapes[:1]
    head = (
        Line("gates", "gates", gates, note="each a matrix for the input and one for what is fed back"),
        Line("hidden", "hidden units", hidden),
    )
    known = Derivation(head=head, params=summed(biases), params_note="" if biases else "no biases")
    if not shapes or len(shapes[0]) < 1:
        return known
    rows = math.prod(shapes[0][:-1])
    return known._replace(
        macs=repeated(rows, summed(0)),
        macs_note="the matrices, once for every step of every sequence" if rows != 1 else "",
    )
