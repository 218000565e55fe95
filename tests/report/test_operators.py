from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.base.opnames import operator_list, short_name
from netscope.report.layer import Layer
from netscope.report.operators import DESCRIBERS, describe
from tests.report.store.test_store import VALUE


def layer(type: str, detail: str = "", base: str | None = None, **hyperparameters: Any) -> Layer:
    return Layer(
        path="x",
        type=type,
        base=type if base is None else base,
        detail=detail,
        hyperparameters=hyperparameters,
    )


CONV: dict[str, Any] = {
    "kernel_size": (3, 3),
    "stride": (1, 1),
    "padding": (0, 0),
    "dilation": (1, 1),
    "groups": 1,
    "padding_mode": "zeros",
    "output_padding": (0, 0),
}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Conv2d 3×3"),
        ({"kernel_size": (11, 11), "stride": (4, 4)}, "Conv2d 11×11 /4"),
        ({"stride": (1, 2), "padding": (1, 1)}, "Conv2d 3×3 /1×2 p1"),
        ({"padding": "same", "dilation": (2, 2)}, "Conv2d 3×3 p=same d2"),
        ({"groups": 32, "padding_mode": "reflect"}, "Conv2d 3×3 g32 reflect"),
    ],
)
def test_a_convolution_says_what_is_not_default(changes: dict[str, Any], text: str) -> None:
    assert describe(layer("Conv2d", **{**CONV, **changes})) == text


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (layer("MaxPool2d", kernel_size=3, stride=2, padding=0, dilation=1), "MaxPool2d 3×3 /2"),
        (layer("MaxPool2d", kernel_size=(2, 2), stride=(2, 2), ceil_mode=True), "MaxPool2d 2×2 /2 ceil"),
        (layer("AvgPool1d", kernel_size=(3,), stride=(3,), padding=(1,)), "AvgPool1d 3 /3 p1"),
        (layer("AdaptiveAvgPool2d", output_size=(6, 6)), "AdaptiveAvgPool2d →6×6"),
        (layer("AdaptiveAvgPool2d", output_size=1), "AdaptiveAvgPool2d →1×1"),
        (layer("AdaptiveAvgPool2d", output_size=(None, 7)), "AdaptiveAvgPool2d →same×7"),
        (layer("LocalResponseNorm", size=5), "LRN n=5"),
        (layer("Linear", in_features=3, out_features=4), "Linear"),
        (layer("NonDynamicallyQuantizableLinear"), "Linear"),
        (layer("Dropout", p=0.5), "Dropout p=0.5"),
        (layer("Softmax", dim=-1), "Softmax dim=-1"),
        (layer("Softmax", dim=None), "Softmax"),
        (layer("BatchNorm2d", affine=True), "BatchNorm2d"),
        (layer("BatchNorm2d", affine=False), "BatchNorm2d no affine"),
        (layer("GroupNorm", num_groups=32), "GroupNorm g32"),
        (layer("LSTM", hidden_size=20, num_layers=2, bidirectional=True), "LSTM 20 2 layers both ways"),
        (layer("MultiheadAttention", num_heads=12), "MultiheadAttention 12 heads"),
        (layer("Upsample", scale_factor=2.0, mode="bilinear"), "Upsample ×2 bilinear"),
        (layer("Upsample", size=(14, 14), mode="nearest"), "Upsample →14×14"),
        (layer("GELU", approximate="tanh"), "GELU tanh"),
        (layer("Flatten", start_dim=1, end_dim=-1), "Flatten"),
        (layer("Flatten", start_dim=0, end_dim=-1), "Flatten 0…-1"),
        (layer("PixelShuffle", upscale_factor=3), "PixelShuffle ×3"),
        (layer("ZeroPad2d", padding=(1, 1, 0, 0)), "ZeroPad2d 1,1,0,0"),
    ],
)
def test_describe(row: Layer, text: str) -> None:
    assert describe(row) == text


def test_a_subclass_is_described_as_what_it_derives_from() -> None:
    assert describe(layer("Conv2dSame", base="Conv2d", **CONV)) == "Conv2dSame 3×3"


def test_an_unknown_module_shows_its_type_and_a_little_of_its_detail() -> None:
    assert describe(layer("Scale", base="", detail="")) == "Scale"
    assert (
        describe(layer("Odd", base="Hardtanh", detail="min_val=0, max_val=6")) == "Odd min_val=0, max_val=6"
    )
    assert len(describe(layer("Odd", base="Hardtanh", detail="x" * 99))) < 40


def test_missing_hyperparameters_are_no_error() -> None:
    for base in ("Conv2d", "MaxPool2d", "LSTM", "Upsample", "AdaptiveAvgPool2d", "ZeroPad2d"):
        assert describe(layer(base)) == base


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("aten.add_.Tensor", "add_"),
        ("aten.matmul.default", "matmul"),
        ("torchvision.nms.default", "torchvision.nms"),
        ("mylib::foo", "mylib.foo"),
        ("odd", "odd"),
    ],
)
def test_short_name(name: str, short: str) -> None:
    assert short_name(name) == short


def test_functional_work_names_what_computes_first() -> None:
    ran = {"aten.view.default": 3, "aten.add_.Tensor": 2, "aten.matmul.default": 1}
    row = Layer(path="x.(functional)", type="(functional)", kind="functional", operators=ran)
    assert describe(row) == "matmul, add_ ×2"
    assert operator_list(ran, all_of_them=True) == "matmul, add_ ×2, view ×3"


def test_functional_work_of_views_alone_names_them() -> None:
    assert operator_list({"aten.view.default": 1, "aten.permute.default": 2}) == "view, permute ×2"


def test_overloads_of_an_operator_are_one() -> None:
    assert operator_list({"aten.add.Tensor": 1, "aten.add.Scalar": 2}) == "add ×3"


KEYS = (
    "kernel_size stride padding dilation groups output_size scale_factor size p dim hidden_size num_layers "
    "num_heads start_dim negative_slope mode affine"
).split()


@given(base=st.sampled_from(sorted(DESCRIBERS)), hyper=st.dictionaries(st.sampled_from(KEYS), VALUE))
def test_no_hyperparameter_breaks_the_description(base: str, hyper: dict[str, object]) -> None:
    assert describe(Layer(path="x", type=base, base=base, hyperparameters=hyper)).startswith(
        ("LRN", "Linear", base)
    )
