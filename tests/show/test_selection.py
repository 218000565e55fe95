from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.base.errors import UsageError
from netscope.report.layer import Layer
from netscope.report.own import Own
from netscope.report.report import Report
from netscope.show.columns import BY_KEY
from netscope.show.rows import LayerRow, LayerTable
from netscope.show.selection import build
from tests.reports import alexnet, around, functional, linear, relu, report, stack, uncalled


def labels(table: LayerTable) -> list[str]:
    return [row.label for row in table.body]


def value(table: LayerTable, row: LayerRow, key: str) -> Any:
    return table.value(row, BY_KEY[key])


def totals(whole: Report) -> tuple[int, ...]:
    return (whole.params, whole.trainable_params, whole.param_bytes, whole.counted_macs, whole.output_bytes)


def sums(figures: Own) -> tuple[int, ...]:
    return (figures.params, figures.trainable_params, figures.param_bytes, figures.macs, figures.output_bytes)


@given(depth=st.none() | st.integers(0, 4), fold=st.booleans(), blocks=st.integers(1, 5))
def test_visible_rows_add_up_to_the_totals(depth: int | None, fold: bool, blocks: int) -> None:
    whole = stack(blocks)
    assert sums(build(whole, depth=depth, fold=fold).figures) == totals(whole)


@pytest.mark.parametrize("key", ["macs", "params", "output_bytes", "path", "operator", "share"])
def test_sorted_rows_add_up_too(key: str) -> None:
    whole = alexnet()
    assert sums(build(whole, sort=key).figures) == totals(whole)


def test_the_root_is_left_out_when_it_only_repeats_the_totals() -> None:
    table = build(alexnet())
    assert table.rows[0].layer.path == ""
    assert labels(table)[:3] == ["features", "conv1", "relu1"]
    assert table.body[0].lasts == ()
    assert table.body[1].lasts == (False,)


def test_the_root_stays_when_parameters_are_its_own() -> None:
    from tests.reports import parameter

    whole = report(
        "bare", "Bare", [linear("fc", (1, 4), (1, 4))], parameters=(parameter("token", 1, 4),), own_params=4
    )
    table = build(whole)
    assert labels(table) == ["(root)", "fc"]
    assert value(table, table.body[0], "params").raw == 4
    assert table.body[1].lasts == (True,)


def test_a_network_of_one_layer_is_one_row() -> None:
    only = replace(linear("", (1, 4), (1, 4)), depth=0)
    table = build(Report(name="fc", source="python", layers=(only,)))
    assert labels(table) == ["(root)"]
    assert not table.rows[0].expanded


def test_a_row_around_visible_ones_shows_only_its_own() -> None:
    table = build(alexnet())
    features = table.body[0]
    assert features.expanded
    assert value(table, features, "params") == (0, "inner")


def test_a_row_at_the_depth_limit_holds_everything_inside() -> None:
    table = build(alexnet(), depth=1)
    assert labels(table) == ["features", "flatten", "classifier"]
    assert value(table, table.body[2], "params").raw == 58_631_144
    assert not table.body[2].expanded
    assert labels(build(alexnet(), depth=0)) == ["(root)"]


def test_tied_weights_are_shown_and_not_added() -> None:
    table = build(stack())
    head = table.body[-1]
    assert head.label == "head"
    assert value(table, head, "params") == (64, "shared")
    assert value(table, head, "trainable_params") == (64, "shared")
    assert head.figures.params == 0
    assert head.marks == ("shared with embed.weight",)


def test_filter_by_type_gives_a_flat_list() -> None:
    table = build(alexnet(), only=["Conv2d", "LRN"])
    assert table.flat
    assert labels(table)[:3] == ["features.conv1", "features.norm1", "features.conv2"]
    assert len(table.rows) == 7


def test_a_filtered_container_does_not_repeat_rows_inside_it() -> None:
    table = build(stack(2), only=["Block", "Linear"])
    blocks = [row for row in table.rows if row.layer.type == "Block"]
    assert [value(table, row, "params").raw for row in blocks] == [0, 0]
    assert [value(table, row, "params").raw for row in build(stack(2), only=["Block"]).rows] == [552, 552]


def test_filter_by_path() -> None:
    assert labels(build(alexnet(), layers="classifier.fc?")) == [
        "classifier.fc6",
        "classifier.fc7",
        "classifier.fc8",
    ]
    # The container that the pattern names too has nothing of its own left.
    assert "features" not in labels(build(alexnet(), layers="features*"))


def test_sort_and_top() -> None:
    table = build(alexnet(), top=3)
    assert labels(table) == ["features.conv2", "features.conv4", "features.conv3"]
    assert (table.sort, table.matching) == ("macs", 23)
    assert labels(build(alexnet(), sort="params", top=2)) == ["classifier.fc6", "classifier.fc7"]
    assert labels(build(alexnet(), sort="path", top=1)) == ["classifier.drop6"]


def test_unknown_figures_are_bounds() -> None:
    odd = functional(
        "(functional)", (1, 4), {"lib.odd.default": 2}, unknown={"lib.odd.default": 2}, macs=None, vector=None
    )
    whole = report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), odd])
    table = build(whole)
    assert value(table, table.body[0], "macs") == (16, "")
    assert value(table, table.body[1], "macs") == (0, "bound")
    collapsed = build(whole, depth=0)
    assert value(collapsed, collapsed.rows[0], "macs") == (16, "bound")
    assert value(collapsed, collapsed.rows[0], "vector").mark == "bound"


def test_folding_puts_identical_blocks_in_one() -> None:
    table = build(stack(12), fold=True)
    assert labels(table) == ["embed", "layers", "0-11", "up", "(functional)", "down", "head"]
    block, up = table.body[2], table.body[3]
    assert (block.times, block.heads_run, up.times, up.heads_run) == (12, True, 12, False)
    assert up.path == "layers.0-11.up"
    assert value(table, up, "params").raw == 12 * 288
    assert value(table, up, "parameter_shapes").raw == {"weight": (32, 8), "bias": (32,)}


def test_folding_leaves_different_blocks_apart() -> None:
    blocks = [
        *around("a.0", "Sequential", [linear("a.0.fc", (1, 4), (1, 4))]),
        *around("a.1", "Sequential", [linear("a.1.fc", (1, 4), (1, 4))]),
        *around("a.2", "Sequential", [linear("a.2.fc", (1, 4), (1, 8))]),
        *around("a.3", "Sequential", [linear("a.3.other", (1, 4), (1, 8))]),
    ]
    table = build(report("apart", "Apart", around("a", "Sequential", blocks)), fold=True)
    assert labels(table) == ["a", "0-1", "fc", "2", "fc", "3", "other"]


def test_folded_names_keep_their_stem() -> None:
    rows = [linear(f"block_{i}", (1, 4), (1, 4)) for i in range(3)]
    assert labels(build(report("stem", "Stem", rows), fold=True)) == ["block_0-2"]
    rows = [relu("first", (1, 4)), relu("second", (1, 4))]
    assert labels(build(report("names", "Names", rows), fold=True)) == ["first…second"]


def test_folds_inside_folds() -> None:
    blocks = [
        row
        for i in range(3)
        for row in around(str(i), "Sequential", [linear(f"{i}.{j}", (1, 4), (1, 4)) for j in range(2)])
    ]
    table = build(report("deep", "Deep", blocks), fold=True)
    assert [(row.label, row.times, row.heads_run) for row in table.body] == [
        ("0-2", 3, True),
        ("0-1", 6, True),
    ]
    assert table.body[1].figures.params == 6 * 20


def test_layers_that_were_not_called_say_so() -> None:
    rows = [linear("fc", (1, 4), (1, 4)), uncalled("never"), uncalled("read", used=True)]
    whole = report("calls", "Calls", rows)
    assert [row.state for row in build(whole).body] == ["", "uncalled", "by parent"]
    failed = replace(whole, error="ValueError: no", error_path="fc")
    assert [row.state for row in build(failed).body] == ["", "unreached", "by parent"]


def test_an_uncalled_list_of_called_modules_is_nothing_odd() -> None:
    assert {row.state for row in build(stack()).body} == {""}


def test_the_failing_layer_is_marked() -> None:
    rows = around(
        "net", "Sequential", [replace(linear("net.fc", (1, 4), (1, 4)), completed=False)], completed=False
    )
    whole = replace(report("bad", "Bad", rows), error="RuntimeError: shapes", error_path="net.fc")
    assert [row.state for row in build(whole).body] == ["stopped", "raised"]


def test_remarks() -> None:
    odd = replace(linear("fc", (1, 4), (1, 4)), registered=False, calls=3)
    second = replace(linear("again", (1, 4), (1, 4)), shared_with="fc")
    rows = build(report("marks", "Marks", [odd, second])).body
    assert rows[0].marks == ("unregistered", "3 calls")
    assert rows[1].marks == ("shared with fc",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": -1}, "the depth must be 0 or more, not -1."),
        ({"top": 0}, "the number of rows must be 1 or more, not 0."),
        ({"columns": ["mac"]}, "there is no column 'mac'."),
        ({"sort": "macz"}, "there is no column 'macz'."),
        ({"sort": "hyperparameters"}, "rows cannot be sorted by 'hyperparameters'."),
        ({"only": ["Conv3d"]}, "'alexnet' has no layer of type Conv3d."),
        ({"layers": "featurs.*"}, "'alexnet' has no layer on the path 'featurs.*'."),
    ],
)
def test_wrong_calls_say_what_to_type(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(alexnet(), **arguments)
    assert caught.value.message == message
    if set(arguments) & {"columns", "only", "layers", "sort"}:
        assert caught.value.hint


def test_a_thousand_levels_are_no_recursion() -> None:
    rows = [linear(".".join(["x"] * 1000), (1, 4), (1, 4))]
    for level in range(999, 0, -1):
        rows.insert(0, Layer(path=".".join(["x"] * level), type="Sequential", base="Sequential", depth=level))
    table = build(report("deep", "Deep", rows), fold=True)
    assert len(table.body) == 1000
