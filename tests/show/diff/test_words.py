from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netscope.answers.diff import Change, Pair
from netscope.report.layer import Parameter
from netscope.show.diff.words import output_text, value_text, words
from tests.reports import linear

FC = linear("fc", (1, 4), (1, 4))


def told(*changes: Change, untold: tuple[Change, ...] = (), shown: tuple[str, ...] = ()) -> str:
    """What is said of a Linear that changed so."""
    return ", ".join(words(Pair("~", FC, FC, changes), untold, shown))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("kernel_size", (11, 11), (7, 7)), "kernel 11→7"),
        (("kernel_size", (3, 3), (3, 5)), "kernel 3 → 3×5"),
        (("stride", (4, 4), (2, 2)), "stride 4→2"),
        (("padding", 0, 1), "padding 0→1"),
        (("padding", (1, 1), "same"), "padding 1→same"),
        (("padding_mode", "zeros", "reflect"), "padding_mode zeros→reflect"),
        (("in_channels", 3, 1), "channels in 3→1"),
        (("out_features", 1000, 10), "features out 1000→10"),
        (("num_features", 64, 128), "features 64→128"),
        (("normalized_shape", (768,), (1024,)), "shape 768→1024"),
        (("eps", 1e-05, 1e-12), "eps 1e-05 → 1e-12"),
        (("p", 0.5, 0.1), "p 0.5→0.1"),
        (("mode", "max", ""), "mode max → ''"),
        (("inplace", True, False), "inplace yes→no"),
        (("padding_idx", None, 0), "padding_idx none→0"),
        (("type", "ReLU", "GELU"), "ReLU→GELU"),
        (("dtype", "float32", "bfloat16"), "dtype float32→bfloat16"),
        (("trainable", True, False), "frozen"),
        (("trainable", False, True), "unfrozen"),
        (("trainable", True, (True, False)), "partly frozen"),
        (("training", True, False), "train→eval"),
        (("registered", True, False), "unregistered"),
        (("packed", False, True), "packed"),
        (("shared_with", None, "embed"), "tied to embed"),
        (("shared_with", "embed", None), "no longer tied to embed"),
        (("shared_with", "", None), "no longer tied to (root)"),
        (("weight.shared_with", None, "embed.weight"), "weight tied to embed.weight"),
        (("weight.shared_with", "embed.weight", None), "weight no longer tied to embed.weight"),
        (("returns", ("0", "1"), ("a", "b.0", "b.1")), "returns 0, 1 → a, b.0, b.1"),
        (("returns", ("",), ("0", "1")), "returns a tensor → 0, 1"),
        (("returns", (), ("",)), "returns nothing → a tensor"),
        (("moved", "a.conv", "b.conv"), "moved from a.conv"),
        (("moved", "0.q", "0.q.base"), "wrapped"),
        (("moved", "0.q.base", "0.q"), "unwrapped"),
        (("order", "relu1", "pool1"), "now after pool1, not relu1"),
        (("order", None, "pool1"), "now after pool1, not first"),
        (("order", "relu1", None), "now first, not after relu1"),
        (("order", "3", "5"), "place 3→5"),
        (("calls", 1, 2), "calls 1→2"),
        (("operators", {"mul": 3}, {"add": 1, "mul": 1}), "+add, −mul ×2"),
        (("operators", {}, dict.fromkeys("abcde", 1)), "+a, +b, +c and 2 more"),
        (("unknown", None, {"lib.odd": 1}), "uncounted lib.odd"),
        (("weight", (4, 4), (4, 8)), "weight 4×4 → 4×8"),
        (("bias", None, (4,)), "+bias"),
        (("bias", (4,), None), "−bias"),
        (("name", "a", "b"), ""),
        (("batch", 1, 8), ""),
    ],
)
def test_one_change_in_words(change: tuple[Any, ...], text: str) -> None:
    assert told(Change(*change)) == text


def test_sizes_that_come_as_in_and_out_are_told_together() -> None:
    both = Change("in_channels", 64, 128), Change("out_channels", 64, 128)
    assert told(*both) == "channels 64→128"
    assert told(both[0], Change("out_channels", 64, 256)) == "channels in 64→128, out 64→256"


def test_the_shape_of_a_weight_is_told_only_when_nothing_else_says_it() -> None:
    shape = Change("weight", (4, 4), (4, 8))
    assert told(Change("in_features", 4, 8), shape) == "features in 4→8"
    assert told(Change("dim", 4, 8), shape) == "dim 4→8"
    assert told(Change("eps", 1, 2), shape) == "eps 1→2, weight 4×4 → 4×8"


def test_a_layer_of_another_type_has_other_parameters_and_operators() -> None:
    other = Change("type", "BatchNorm2d", "Identity")
    assert told(other, Change("weight", (4,), None), Change("operators", {"norm": 1}, {})) == (
        "BatchNorm2d→Identity"
    )


def test_the_ties_of_a_module_are_told_once() -> None:
    whole = Change("shared_with", None, "a")
    assert told(whole, Change("weight.shared_with", None, "a.weight")) == "tied to a"


def test_attention_tells_its_width_once() -> None:
    changes = [Change(what, 768, 1024) for what in ("embed_dim", "kdim", "vdim")]
    assert told(*changes) == "width 768→1024"
    assert told(changes[0], Change("kdim", 768, 512)) == "width 768→1024, kdim 768→512"


def test_figures_are_told_when_nothing_else_is_and_no_column_shows_them() -> None:
    vector = Change("own_vector", 8_000, 9_000, "result")
    assert told(vector) == "vector ops 8.00 K → 9.00 K"
    assert told(vector, shown=("vector",)) == ""
    assert told(vector, Change("p", 0, 1)) == "p 0→1"
    assert told(vector, Change("output", (1, 4), (1, 5), "result")) == ""


def test_what_is_told_elsewhere_is_not_repeated() -> None:
    dtype = Change("dtype", "float32", "bfloat16")
    assert told(dtype, Change("p", 0, 1), untold=(dtype,)) == "p 0→1"


def test_a_buffer_is_a_tensor_too() -> None:
    layer = replace(FC, buffers=(Parameter("mask", (4,), "bool", False, 4),))
    change = Change("mask", (4,), (8,))
    assert words(Pair("~", layer, layer, (change,)), (), ()) == ("mask 4 → 8",)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ((1, 96, 55, 55), (1, 96, 110, 110), "55×55 → 110×110"),
        ((1, 64, 56, 56), (1, 128, 56, 56), "64×56×56 → 128×56×56"),
        ((1, 1000), (1, 10), "1000 → 10"),
        ((1, 4), (1, 4, 4), "1×4 → 1×4×4"),
        ((), (1,), "scalar → 1"),
        (None, (1, 4), "none → 1×4"),
        (((1, 4), (1, 8)), ((1, 4), (1, 9)), "8 → 9"),
        (((1, 4), (1, 8)), (1, 4), "1×4, 1×8 → 1×4"),
        (((1, 4), None), ((1, 5), (1, 5)), "4 → 5, none → 1×5"),
    ],
)
def test_outputs_lose_what_they_have_in_common(before: Any, after: Any, text: str) -> None:
    assert output_text(before, after) == text


def test_values_are_short() -> None:
    assert value_text((64, 64, 64, 64)) == "64×64×64×64"
    assert value_text("x" * 99) == "x" * 31 + "…"
    assert told(Change("sizes", (64, 64), (64, 64, 64))) == "sizes (64, 64) → (64, 64, 64)"
