"""Layers that work along the features: linears, norms, embeddings, and activations with a weight."""

from __future__ import annotations

import math

from netscope.answers.explain.formula import product, total
from netscope.answers.explain.lines import Derivation, Line
from netscope.report.layer import Layer


def linear(layer: Layer) -> Derivation:
    """Every output neuron has a weight for each input feature, and a bias: (in + 1)*out."""
    took, gave = (int(layer.hyperparameters.get(key, 0)) for key in ("in_features", "out_features"))
    bias = layer.bias_shape is not None
    rows = math.prod((layer.output_shape or (1,))[:-1])
    return Derivation(
        head=(
            Line("maps", "neurons", gave, note="numbers out for every row of features"),
            Line("kernel_depth", "inputs each", took, note="every feature that comes in"),
        ),
        params=f"({took} + 1)*{gave}" if bias else f"{took}*{gave}",
        params_note="" if bias else "no biases",
        macs=f"{took}*{gave}" if rows == 1 else f"{rows} * {took}*{gave}",
        macs_note="" if rows == 1 else "the weights, once for every row",
    )


def bilinear(layer: Layer) -> Derivation:
    """x1 W x2 for each output: every output has a matrix of weights.

    For each of them and each row, x1 W takes in1*in2 multiplications and its product with x2 another in2.
    """
    hyper = layer.hyperparameters
    one, other, gave = (int(hyper.get(key, 0)) for key in ("in1_features", "in2_features", "out_features"))
    rows = math.prod((layer.output_shape or (1,))[:-1])
    bias = " + 1" if layer.bias_shape is not None else ""
    return Derivation(
        head=(Line("maps", "neurons", gave),),
        params=f"({one}*{other}{bias})*{gave}",
        macs=f"{rows} * {gave}*({one}*{other} + {other})",
    )


def norm(layer: Layer) -> Derivation:
    """A scale, and often a shift, for each feature or map."""
    sizes = [parameter.numel for parameter in layer.parameters]
    names = " and ".join(
        {"weight": "a scale", "bias": "a shift"}.get(p.name, p.name) for p in layer.parameters
    )
    note = f"{names} for each feature" if sizes else "it learns nothing"
    statistics = [b.numel for b in layer.buffers if b.name.startswith("running_")]
    head = (
        (
            Line(
                "statistics", "statistics", sum(statistics), total(statistics),
                unit="numbers", note="running mean and variance, buffers and no parameters",
            ),
        )
        if statistics
        else ()
    )  # fmt: skip
    return Derivation(head=head, params=total(sizes), params_note=note, macs_note="no weight is summed over")


def embedding(layer: Layer) -> Derivation:
    """A table that is looked up: one row of features for each index."""
    rows, width = (int(layer.hyperparameters.get(key, 0)) for key in ("num_embeddings", "embedding_dim"))
    return Derivation(
        head=(Line("maps", "features", width, note="in the row of each index"),),
        params=f"{rows}*{width}",
        params_note="a row for each index",
        macs_note="a row is looked up, not multiplied",
    )


def parameters_only(layer: Layer) -> Derivation:
    """A layer of which no more is known than its parameters' shapes.

    A single matrix is taken to multiply every row of features, as in the Conv1D of GPT-2; where that does
    not give the traced figure, nothing is said.
    """
    shapes = [parameter.shape for parameter in layer.parameters if parameter.shape]
    matrices = [shape for shape in shapes if len(shape) == 2]
    rows = math.prod((layer.output_shape or ())[:-1])
    macs = f"{rows} * {product(matrices[0])}" if len(matrices) == 1 else ""
    return Derivation(params=total(map(product, shapes)), macs=macs)
