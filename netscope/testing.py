"""Assertions about a network for a test suite: shapes, parameters, multiply-accumulates.

    from netscope.testing import assert_shapes

    def test_shapes():
        assert_shapes(MyNet(), {"features.0": ("N", 96, 55, 55), "classifier": (None, ..., 1000)},
                      input="3x227x227")

Each takes a model with the arguments of `netscope.summary`, or a `Report`, which is then not traced
again. All mismatches are reported at once, with what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from netscope import units
from netscope.opnames import operator_list
from netscope.report import Layer, Report, Shape

if TYPE_CHECKING:
    import os

    import torch

    from netscope.workload import Workload

    Model = torch.nn.Module | Report | Workload | str | os.PathLike[str]

Size = int | str | EllipsisType | None
Pattern = Sequence[Size]


def assert_shapes(model: Model, expected: Mapping[str, Pattern | Sequence[Pattern]], **summary: Any) -> None:
    """Check output shapes of layers, batch included.

    Args:
        model: a module, a name or a Report.
        expected: by qualified name ("" for the root) the shape of the layer's output, or a list of
            shapes when it returns several tensors. In a shape None, -1 and any text such as "N" stand
            for any size, and `...` for any number of sizes.
        summary: arguments of `netscope.summary` (input, args, kwargs, batch, dtype, train).

    Raises:
        AssertionError: a shape differs, or there is no such layer.
    """
    __tracebackhide__ = True
    report = _report(model, summary)
    wrong = []
    for path, pattern in expected.items():
        layer, problem = _layer(report, path)
        if layer is None:
            wrong.append((path, _pattern(pattern), problem))
        elif not _fits(layer, pattern):
            wrong.append((path, _pattern(pattern), _outputs(layer)))
    _fail(report, "output shapes", wrong)


def assert_params(model: Model, expected: int | Mapping[str, int], **summary: Any) -> None:
    """Check numbers of parameters: of the network, or of layers by qualified name.

    A layer's are those of everything inside it; tied weights count once.

    Raises:
        AssertionError: a number differs, or there is no such layer.
    """
    __tracebackhide__ = True
    report = _report(model, summary)
    wrong = []
    for path, params in _by_path(expected).items():
        layer, problem = _layer(report, path)
        if layer is None or layer.params != params:
            wrong.append((path, units.count(params), problem if layer is None else units.count(layer.params)))
    _fail(report, "params", wrong)


def assert_macs(model: Model, expected: int | Mapping[str, int], **summary: Any) -> None:
    """Check multiply-accumulates: of the network, or of layers by qualified name.

    Raises:
        AssertionError: a number differs, is not known because an operator could not be counted, or
            there is no such layer.
    """
    __tracebackhide__ = True
    report = _report(model, summary)
    wrong = []
    for path, macs in _by_path(expected).items():
        layer, problem = _layer(report, path)
        if layer is None:
            wrong.append((path, units.count(macs), problem))
        elif layer.macs is None:
            names = operator_list(layer.unknown, all_of_them=True)
            bound = units.at_least(units.count(layer.counted_macs))
            wrong.append((path, units.count(macs), f"{bound}, not counted: {names}"))
        elif layer.macs != macs:
            wrong.append((path, units.count(macs), units.count(layer.macs)))
    _fail(report, "MACs", wrong)


def _report(model: Model, arguments: Mapping[str, Any]) -> Report:
    if isinstance(model, Report):
        if arguments:
            raise TypeError(f"a Report is already traced; {', '.join(arguments)} cannot be given with it")
        return model
    from netscope import api

    return api.summary(model, **arguments)


def _by_path(expected: int | Mapping[str, int]) -> Mapping[str, int]:
    return expected if isinstance(expected, Mapping) else {"": expected}


def _layer(report: Report, path: str) -> tuple[Layer | None, str]:
    """The layer, or why there is none."""
    if path in report:
        return report[path], ""
    from netscope.suggest import nearest

    close = nearest(path, [layer.path for layer in report.layers if layer.path])
    return None, "no such layer" + (f"; did you mean {', '.join(map(repr, close))}?" if close else "")


def _fail(report: Report, what: str, wrong: Sequence[tuple[str, str, str]]) -> None:
    """Raise with one line for each mismatch."""
    __tracebackhide__ = True
    if not wrong:
        return
    rows = [(repr(path) if path else "(the network)", wanted, found) for path, wanted, found in wrong]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [
        f"  {path:<{widths[0]}}  expected {wanted:<{widths[1]}}  found {found}"
        for path, wanted, found in rows
    ]
    raise AssertionError("\n".join([f"{what} of {report.name!r} are not as expected:", *lines]))


def _fits(layer: Layer, pattern: Pattern | Sequence[Pattern]) -> bool:
    shapes = layer.output_shapes
    if _is_one_shape(pattern):
        return len(shapes) == 1 and _matches(shapes[0], pattern)
    return len(shapes) == len(pattern) and all(
        _matches(shape, each) for shape, each in zip(shapes, pattern, strict=True)
    )


def _is_one_shape(pattern: Any) -> bool:
    return not any(isinstance(size, (tuple, list)) for size in pattern)


def _matches(shape: Shape, pattern: Any) -> bool:
    """Whether every size is the expected one or stands before a wildcard."""
    sizes = list(pattern)
    if sizes.count(...) > 1:
        raise ValueError(f"a shape can have one ..., not {_pattern(pattern)}")
    if ... in sizes:
        at = sizes.index(...)
        rest = len(shape) - len(sizes) + 1
        if rest < 0:
            return False
        sizes[at : at + 1] = [None] * rest
    return len(sizes) == len(shape) and all(
        wanted is None or wanted == -1 or isinstance(wanted, str) or wanted == size
        for wanted, size in zip(sizes, shape, strict=True)
    )


def _pattern(pattern: Any) -> str:
    """How an expectation reads: (None, ..., 7) as "(None, ..., 7)"."""
    if not _is_one_shape(pattern):
        return "[" + ", ".join(map(_pattern, pattern)) + "]"
    texts = ["..." if size is ... else size if isinstance(size, str) else str(size) for size in pattern]
    return "(" + ", ".join(texts) + ("," if len(texts) == 1 else "") + ")"


def _outputs(layer: Layer) -> str:
    if layer.calls == 0:
        return "nothing: it was not called"
    shapes = layer.output_shapes
    return _pattern(shapes[0]) if len(shapes) == 1 else _pattern(list(shapes)) if shapes else "no tensor"
