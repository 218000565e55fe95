from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netscope.report.layer import Tensor
from netscope.report.report import Report
from netscope.testing import assert_budget, assert_macs, assert_params, assert_shapes
from tests.reports import alexnet, functional, linear, report


def test_right_shapes_pass() -> None:
    assert_shapes(
        alexnet(),
        {
            "": (1, 1000),
            "features.conv1": (None, 96, 55, 55),
            "features.pool1": ("N", 96, -1, 27),
            "features": ("N", ..., 6),
            "classifier": (1, ...),
            "flatten": (...,),
            "classifier.fc8": [(1, 1000)],
        },
    )


def test_wrong_shapes_are_told_all_at_once() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_shapes(
            alexnet(),
            {
                "features.conv1": (None, 96, 54, 54),
                "features.conv2": (..., 27, 27, 3),
                "featuers.conv3": (1,),
            },
        )
    hint = "; did you mean 'features.conv3', 'features.conv1', 'features.conv2'?"
    assert str(caught.value).splitlines() == [
        "output shapes of 'alexnet' are not as expected:",
        "  'features.conv1'  expected (None, 96, 54, 54)  found (1, 96, 55, 55)",
        "  'features.conv2'  expected (..., 27, 27, 3)    found (1, 256, 27, 27)",
        "  'featuers.conv3'  expected (1,)                found no such layer" + hint,
    ]


def two_outputs() -> Report:
    leaves = (Tensor("0", (1, 4, 2), "float32"), Tensor("1", (1, 2), "int64"))
    none = replace(linear("never", (1, 4), (1, 4)), calls=0, outputs=())
    return report("two", "Two", [replace(linear("fc", (1, 4), (1, 4)), outputs=leaves), none])


def test_several_outputs_are_a_list_of_shapes() -> None:
    assert_shapes(two_outputs(), {"fc": [("N", 4, 2), (1, 2)]})
    with pytest.raises(AssertionError, match=re.escape("expected (1, 4, 2)  found [(1, 4, 2), (1, 2)]")):
        assert_shapes(two_outputs(), {"fc": (1, 4, 2)})
    with pytest.raises(AssertionError, match="found nothing: it was not called"):
        assert_shapes(two_outputs(), {"never": (1, 4)})


def test_a_shape_has_one_rest() -> None:
    with pytest.raises(ValueError, match=re.escape("a shape can have one ..., not (..., 3, ...)")):
        assert_shapes(alexnet(), {"features": (..., 3, ...)})


def test_params_of_the_network_and_of_layers() -> None:
    assert_params(alexnet(), 62_378_344)
    assert_params(alexnet(), {"features.conv1": 34_944, "classifier": 58_631_144})
    with pytest.raises(AssertionError) as caught:
        assert_params(alexnet(), 62_378_345)
    assert str(caught.value).splitlines()[1] == "  (the network)  expected 62,378,345  found 62,378,344"


def test_macs_of_the_network_and_of_layers() -> None:
    assert_macs(alexnet(), 1_135_256_096)
    with pytest.raises(AssertionError, match="expected 105,415,201  found 105,415,200"):
        assert_macs(alexnet(), {"features.conv1": 105_415_201})


def test_uncounted_operators_fail_by_name() -> None:
    odd = {"lib.odd.default": 2}
    row = functional("(functional)", (1, 4), odd, unknown=odd, macs=None, vector=None)
    whole = report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), row])
    with pytest.raises(AssertionError, match=r"expected 16  found ≥ 16, not counted lib\.odd ×2"):
        assert_macs(whole, 16)


def test_a_budget_that_is_kept() -> None:
    assert_budget(alexnet(), "features.conv1:params<=40K", params="65M", macs="<=1.2G", weight_layers="==8")
    assert_budget(alexnet(), against=alexnet(), fail_if=["macs>0", "changed"])


def test_a_budget_that_is_not_kept_shows_the_table() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_budget(alexnet(), params="60M", macs="1.2G")
    first, _, _, *rows, _, last = str(caught.value).splitlines()
    assert first == "'alexnet' is not within its budget:"
    assert [row.split() for row in rows[1:]] == [
        ["✗", "params", "≤", "60,000,000", "62,378,344", "−4.0%"],
        ["✓", "MACs", "≤", "1.200", "G", "1.135", "G", "5.4%"],
    ]
    assert last == "1 of 2 requirements failed"


def test_a_report_takes_no_arguments_of_a_trace() -> None:
    with pytest.raises(TypeError, match="a Report is already traced; input cannot be given with it"):
        assert_params(alexnet(), 1, input="3x227x227")


def test_a_module_is_traced_first() -> None:
    from torch import nn

    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten())
    assert_shapes(model, {"0": ("N", 8, 6, 6), "": ("N", 288)}, input="3x8x8", batch=2)
    assert_params(model, 224, input="3x8x8")
    assert_macs(model, {"": 7_776}, input="3x8x8")
