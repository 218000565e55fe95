"""Reports of any content, as hypothesis makes them: rows in a tree, and whatever else a row may hold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from netscope.cost import VectorOps
from netscope.report import Layer, Parameter, Report, Tensor

TEXT = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=1)
COUNT = st.integers(0, 2**80)
NUMBER = st.floats(allow_nan=False)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=6,
)
SHAPE = st.lists(st.integers(0, 9999), max_size=4).map(tuple)
COUNTS = st.dictionaries(TEXT, COUNT, max_size=2)
TENSOR = st.builds(Tensor, TEXT, st.none() | SHAPE, st.none() | TEXT, st.none() | TEXT)
PARAMETER = st.builds(Parameter, TEXT, SHAPE, TEXT, st.booleans(), COUNT, st.none() | TEXT, st.booleans())
VECTOR = st.builds(VectorOps, *[COUNT] * 5)
LAYER = st.builds(
    Layer,
    path=TEXT.filter(bool),
    type=TEXT,
    calls=COUNT,
    shared_with=st.none() | TEXT,
    hyperparameters=st.dictionaries(TEXT, VALUE, max_size=3),
    inputs=st.lists(TENSOR, max_size=2).map(tuple),
    outputs=st.lists(TENSOR, max_size=2).map(tuple),
    parameters=st.lists(PARAMETER, max_size=2).map(tuple),
    operators=COUNTS,
    unknown=COUNTS,
    macs=st.none() | COUNT,
    vector=st.none() | VECTOR,
    own_vector=VECTOR,
)


def in_a_tree(rows: list[tuple[Layer, int]]) -> tuple[Layer, ...]:
    """The rows in preorder: each as deep as its number says and the row before it allows."""
    layers: list[Layer] = []
    around: list[str] = []
    for layer, deep in rows:
        del around[1 + deep % max(1, len(around)) :]
        above = around[-1] if around else ""
        path = f"{above}.{layer.path}" if above else layer.path if around else ""
        layers.append(replace(layer, path=path, depth=len(around)))
        around.append(path)
    return tuple(layers)


REPORT = st.builds(
    Report,
    name=TEXT,
    source=TEXT,
    layers=st.lists(st.tuples(LAYER, st.integers(0, 9)), min_size=1, max_size=4).map(in_a_tree),
    trace_seconds=NUMBER,
    error=st.none() | TEXT,
    notes=st.lists(TEXT, max_size=2).map(tuple),
    environment=st.dictionaries(TEXT, TEXT, max_size=2),
    timing=st.none() | st.dictionaries(TEXT, VALUE, max_size=2),
)
