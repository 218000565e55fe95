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
from typing import TYPE_CHECKING, Any, Final, Unpack

from netscope.answers.check.shapes import Pattern, fits, outputs_text, pattern_text
from netscope.base import arguments, units
from netscope.base.request import How
from netscope.report.layer import Layer
from netscope.report.partial import unmade
from netscope.report.report import Report

if TYPE_CHECKING:
    import os

    import torch

    from netscope.base.workload import Workload

    Model = torch.nn.Module | Report | Workload | str | os.PathLike[str]


_SHAPES: Final = 'write {"features.0": ("N", 96, 55, 55)}'
_NUMBERS: Final = 'write 61_000_000, or {"features.0": 34_944} for layers'


def assert_shapes(
    model: Model, expected: Mapping[str, Pattern | Sequence[Pattern]], **summary: Unpack[How]
) -> None:
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
    report = report_of(model, summary)
    wrong = []
    for path, pattern in arguments.mapping("expected", expected, "shapes", _SHAPES).items():
        if isinstance(pattern, (str, bytes)) or not hasattr(pattern, "__len__"):
            arguments.refuse("expected", "of shapes", pattern, _SHAPES)
        layer, problem = _layer(report, path)
        if layer is None:
            wrong.append((path, pattern_text(pattern), problem))
        elif not fits(layer, pattern):
            wrong.append((path, pattern_text(pattern), outputs_text(layer)))
    _fail(report, "output shapes", wrong)


def assert_params(model: Model, expected: int | Mapping[str, int], **summary: Unpack[How]) -> None:
    """Check numbers of parameters: of the network, or of layers by qualified name.

    A layer's are those of everything inside it; tied weights count once.

    Raises:
        AssertionError: a number differs, is not known of lazy layers that did not run, or there is no such
            layer.
    """
    __tracebackhide__ = True
    report = report_of(model, summary)
    wrong = []
    for path, params in _by_path(expected).items():
        layer, problem = _layer(report, path)
        lazy = unmade(report, path)
        if layer is None or lazy or layer.params != params:
            found = problem if layer is None else units.count(layer.params)
            if layer is not None and lazy:
                found = f"{units.at_least(found)}, those of {', '.join(map(repr, lazy))} were not made"
            wrong.append((path, units.count(params), found))
    _fail(report, "params", wrong)


def assert_macs(model: Model, expected: int | Mapping[str, int], **summary: Unpack[How]) -> None:
    """Check multiply-accumulates: of the network, or of layers by qualified name.

    Raises:
        AssertionError: a number differs, is not known because something could not be counted, or
            there is no such layer.
    """
    __tracebackhide__ = True
    report = report_of(model, summary)
    wrong = []
    for path, macs in _by_path(expected).items():
        layer, problem = _layer(report, path)
        if layer is None:
            wrong.append((path, units.count(macs), problem))
        elif layer.macs is None:
            from netscope.show.words import unknown_text, used_by

            why = used_by(layer) if layer.read_elsewhere else unknown_text(layer.unknown, [report])
            bound = units.at_least(units.count(layer.counted_macs))
            wrong.append((path, units.count(macs), f"{bound}, {why}"))
        elif layer.macs != macs:
            wrong.append((path, units.count(macs), units.count(layer.macs)))
    _fail(report, "MACs", wrong)


def assert_budget(
    model: Model,
    *limits: str,
    against: Model | None = None,
    fail_if: str | Sequence[str] = (),
    **named: Any,
) -> None:
    """Check that figures stay within limits: `assert_budget(net, params="65M", macs="<1.2G", batch=8)`.

    Args:
        model: a module, a name or a Report.
        limits: what must hold, in the language of `netscope check --max`; "features.0:params<=40K".
        against: what changes are changes of: a saved report ("base.json"), or whatever `model` can be.
        fail_if: changes that must not be: "macs>+5%", "params>0", "changed".
        named: limits by the name of their quantity; a value without a sign is the most that is allowed.
            Else arguments of `netscope.summary` (input, args, kwargs, batch, dtype, train).

    Raises:
        AssertionError: a limit is not kept, or a figure is not known; the message has the table.
        UsageError: a limit cannot be read.
    """
    __tracebackhide__ = True
    from netscope.api.check import check

    checked = check(model, *limits, against=against, fail_if=fail_if, **named)
    if not checked.passed:
        raise AssertionError(f"{checked.name!r} is not within its budget:\n{checked}")


def report_of(model: Model, arguments: Mapping[str, Any]) -> Report:
    """The Report itself, or that of a model which is now traced with the arguments of `netscope.summary`.

    Raises:
        TypeError: arguments are given with a Report.
    """
    if isinstance(model, Report):
        if arguments:
            raise TypeError(f"a Report is already traced; {', '.join(arguments)} cannot be given with it")
        return model
    from netscope.api.summary import summary

    return summary(model, **arguments)


def _by_path(expected: int | Mapping[str, int]) -> Mapping[str, int]:
    """Numbers by layer; 61e6 is one as well.

    Raises:
        UsageError: it is none.
    """
    given = expected if isinstance(expected, Mapping) else {"": expected}
    found: dict[str, int] = {}
    for path, number in arguments.mapping("expected", given, "numbers", _NUMBERS).items():
        whole = int(number) if isinstance(number, float) and number.is_integer() else number
        found[path] = arguments.integer("expected", whole, _NUMBERS)
    return found


def _layer(report: Report, path: str) -> tuple[Layer | None, str]:
    """The layer, or why there is none."""
    if path in report:
        return report[path], ""
    from netscope.base.suggest import nearest

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
    from netscope.show.words import partial

    said = [] if report.whole else [f"It is partial: {partial(report)}."]
    raise AssertionError("\n".join([f"{what} of {report.name!r} are not as expected:", *lines, *said]))
