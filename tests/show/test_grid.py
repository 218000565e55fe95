"""All rows with all columns: the same values and texts as the table for people, open and closed."""

from __future__ import annotations

from dataclasses import replace

from netscope.answers.explain import explain
from netscope.report.report import Report
from netscope.show.explain import figure
from netscope.show.grid import Grid, GridColumn, grid_of
from netscope.show.rows import value_text
from netscope.show.selection import build
from tests.reports import alexnet, around, conv, functional, linear, parameter, report, stack
from tests.show.answers import profile, remembered


def column(grid: Grid, key: str) -> GridColumn:
    return next(column for column in grid.columns if column.key == key)


def failed() -> Report:
    broken = replace(linear("net.fc", (1, 4), (1, 4)), completed=False)
    rows = around("net", "Sequential", [broken], completed=False)
    return replace(report("bad", "Bad", rows), error="RuntimeError: shapes", error_path="net.fc")


def reports() -> list[Report]:
    return [alexnet(), stack(3), profile(), remembered(), failed()]


def test_open_rows_say_what_the_whole_table_says() -> None:
    for whole in reports():
        grid = grid_of(whole)
        table = build(whole, columns=[one.key for one in grid.columns])
        assert [row.path for row in grid.rows] == [row.path for row in table.rows]
        for one in grid.columns:
            drawn = next(known for known in table.columns if known.key == one.key)
            if drawn.own is None:
                assert one.own is None
                continue
            assert one.own is not None
            values = [table.value(row, drawn) for row in table.rows]
            assert [value.text for value in one.own] == [value_text(drawn, value) for value in values]


def test_closed_rows_say_what_a_table_of_that_depth_says() -> None:
    for whole in reports():
        grid = grid_of(whole)
        keys = [one.key for one in grid.columns if one.own is not None]
        for depth in range(3):
            table = build(whole, columns=keys, depth=depth)
            places = {row.path: number for number, row in enumerate(grid.rows)}
            for row in table.rows:
                if row.expanded:
                    continue
                for drawn in table.columns[1:]:
                    value = column(grid, drawn.key).whole[places[row.path]]
                    assert value.text == value_text(drawn, table.value(row, drawn)), (row.path, drawn.key)


def test_what_is_their_own_adds_up_to_the_network() -> None:
    whole = alexnet()
    grid = grid_of(whole)
    for key, total in (("params", 62_378_344), ("macs", whole.macs), ("output_bytes", whole.output_bytes)):
        one = column(grid, key)
        assert one.adds
        assert one.own is not None
        assert sum(value.raw for value in one.own) == one.whole[0].raw == total
    assert not column(grid, "operator").adds


def test_closed_rows_hold_those_within_them() -> None:
    grid = grid_of(alexnet())
    params = column(grid, "params")
    features = next(number for number, row in enumerate(grid.rows) if row.path == "features")
    assert params.own is not None
    inside = [n for n, row in enumerate(grid.rows) if row.path.startswith("features.")]
    assert params.whole[features].raw == sum(params.own[n].raw for n in inside) == 3_747_200
    assert params.own[features] == params.own[features]._replace(raw=0, text="")
    assert params.whole[features].text == "3,747,200"


def test_tied_weights_count_once_and_are_told() -> None:
    tied = linear("head", (1, 4), (1, 10))
    tied = replace(
        tied, params=40, own_params=0, parameters=(parameter("weight", 10, 4, shared_with="embed"),)
    )
    grid = grid_of(report("tied", "Net", [linear("embed", (1, 4), (1, 10)), tied]))
    params = column(grid, "params")
    assert params.own is not None
    assert params.whole[2].text == params.own[2].text == "(40)"
    assert params.own[2].raw == 0


def test_what_is_not_known_is_no_zero() -> None:
    calls = {"lib.odd.default": 2}
    odd = functional("(functional)", (1, 4), calls, unknown=calls, macs=None, vector=None)
    grid = grid_of(report("net", "Net", [linear("fc", (1, 4), (1, 4)), odd]))
    macs = column(grid, "macs")
    assert [value.text for value in macs.whole] == ["≥ 16", "16", "?"]


def test_columns_that_say_nothing_are_left_out() -> None:
    keys = [one.key for one in grid_of(alexnet()).columns]
    assert "path" not in keys
    assert "shared_with" not in keys
    assert "time" not in keys
    assert "time" in [one.key for one in grid_of(profile()).columns]
    shown = [one.key for one in grid_of(alexnet()).columns if one.shown]
    assert shown == [
        "operator",
        "output_shapes",
        "parameter_shapes",
        "params",
        "macs",
        "share",
        "output_bytes",
    ]
    assert [one.key for one in grid_of(alexnet(), ["macs"]).columns if one.shown] == ["macs"]


def test_every_row_is_explained_as_explain_does() -> None:
    whole = alexnet()
    grid = grid_of(whole)
    for row, explanation in zip(grid.rows, explain(whole), strict=True):
        lines = [(line.label, line.formula, figure(line), line.note) for line in explanation]
        assert list(grid.derivations[row.derived]) == lines


def test_rows_that_are_counted_alike_share_their_explanation() -> None:
    layers = [conv(f"blocks.{n}", (1, 4, 8, 8), (1, 4, 8, 8), 3, padding=1) for n in range(5)]
    grid = grid_of(report("net", "Net", around("blocks", "Sequential", layers)))
    blocks = {row.derived for row in grid.rows if row.type == "Conv2d"}
    assert len(blocks) < 5
    assert len(grid.derivations) == len({row.derived for row in grid.rows})


def test_rows_say_their_state_and_marks() -> None:
    assert [row.state for row in grid_of(failed()).rows] == ["", "stopped", "raised"]
    assert grid_of(stack()).rows[-1].marks == ("shared with embed.weight",)
