"""What is said of a rank of many: its rows, what it sends, and how ranks differ."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from netscope import show
from netscope.base.errors import UsageError
from netscope.report import store
from netscope.report.own import NOTHING, all_of
from netscope.report.ranks import Axis, Bubble, Implicit, Repeated
from netscope.report.report import Report
from netscope.show.columns import RANKS, default_of, known_to
from netscope.show.columns.ranks import part
from netscope.show.ranks import place, ranks_text
from netscope.show.selection import build
from tests.report.ranked import GLOBAL_MACS, MACS, kind, ranked, uneven
from tests.reports import alexnet


def text(report: Report, width: int = 160) -> str:
    return show.text(report, "table", width=width)


def line(report: Report, start: str, width: int = 160) -> list[str]:
    """The words of the last line that starts so."""
    found = [one for one in text(report, width).splitlines() if one.strip().startswith(start)]
    return found[-1].split()


def test_a_row_has_its_part_beside_the_whole() -> None:
    row = ranked()["blocks.0.up"]
    assert row.output_shape == (1, 4, 32)
    assert row.global_shape == (1, 4, 256)
    assert row.output_placements == {"tp": "S(2)"}
    assert row.parameter_shapes == {"weight": (1, 64)}  # of 256: an eighth, and of that a 32nd
    assert row.global_parameter_shapes == {"weight": (256, 64)}
    assert row.placements == {"weight": {"dp": "S(0)", "tp": "S(0)"}}
    assert (row.macs, row.global_macs, row.backward_macs, row.rank_share) == (8_192, 65_536, 16_384, 1 / 8)
    assert row.wire_bytes == 2 * 1_024 * 7 // 8
    assert row.collectives == {"all_reduce tp": 1_792}


def test_a_report_without_ranks_has_none_of_it() -> None:
    row = alexnet()["features.conv1"]
    assert (row.global_shape, row.global_macs, row.wire_bytes, row.rank_share) == (None,) * 4
    assert (row.placements, row.collectives, row.global_parameter_shapes) == ({}, {}, {})
    assert not set(RANKS) & set(known_to(alexnet()))
    assert "rank" not in text(alexnet())
    with pytest.raises(UsageError, match=r"is not that of a rank \(global_macs\)") as error:
        build(alexnet(), columns=["global_macs"])
    assert "--mesh" in str(error.value.hint)


def test_own_figures_of_ranks_add_up_to_the_root() -> None:
    whole = ranked()
    total = NOTHING
    for own in all_of(whole):
        total = total.plus(own)
    assert (total.macs, total.global_macs, total.backward_macs) == (4 * MACS, 4 * GLOBAL_MACS, 8 * MACS)
    # A block sends its gathers and its scatter, 31/32 of 16 KiB each; a linear 7/4 of 1 KiB.
    assert total.wire_bytes == 2 * 3 * 2**14 * 31 // 32 + 4 * 1_024 * 7 // 4 == whole.root.wire_bytes
    assert total.rank_share == 1 / 8


def test_a_folded_row_has_the_figures_of_all_its_copies() -> None:
    table = build(ranked(), fold=True)
    (row,) = [row for row in table.rows if row.path == "blocks.0-1.up"]
    assert (row.times, row.figures.macs, row.figures.global_macs) == (2, 2 * MACS, 2 * GLOBAL_MACS)
    assert row.figures.wire_bytes == 2 * 1_792


def test_what_is_not_known_of_a_row_is_not_known_around_it() -> None:
    whole = ranked()
    lost = ("blocks.0.up", "blocks.0", "blocks", "")
    layers = tuple(
        row.but(rank=row.rank._replace(global_macs=None)) if row.path in lost else row
        for row in whole.layers
        if row.rank is not None
    )
    owns = dict(zip([row.path for row in layers], all_of(whole.but(layers=layers)), strict=True))
    assert owns["blocks.0.up"].global_macs is None
    assert owns["blocks.0.up"].rank_share is None
    assert owns["blocks.0"].global_macs is None
    assert owns["blocks.1.up"].global_macs == GLOBAL_MACS


def test_the_table_of_a_rank() -> None:
    wide = text(ranked())
    assert "rank 0 of 256, mesh dp=32 × tp=8" in wide
    up = next(one for one in wide.splitlines() if "─ up" in one)
    assert up.split()[2:] == [
        *("up", "Linear", "1×4×32", "1×4×256", "1×64", "dp", "S(0),", "tp", "S(0)"),
        *("64", "8.19", "K", "1/8", "1.75", "KiB"),
    ]
    assert line(ranked(), "global MACs")[2:] == "262.1 K undivided; of them this rank does 1/8".split()
    assert line(ranked(), "all ranks")[2:4] == ["8.389", "M"]  # 256 x 4 x 8,192
    assert line(ranked(), "reduce_scatter") == "reduce_scatter dp 32 backward 2 32.0 KiB 31.0 KiB".split()
    assert "all 256 ranks have parts of the same sizes, and are taken to do the same" in wide
    assert "kinds of ranks" not in wide


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    for report in (ranked(), uneven(), staged()):
        assert max(map(len, text(report, width).splitlines())) <= width


def test_ranks_that_differ_are_told_by_kind() -> None:
    told = text(uneven())
    assert "2 kinds of ranks" in told
    # 256 parameters on 25 ranks of 32: 200 on average, 28% fewer than the most.
    assert line(uneven(), "params  ") == ["params", "0", "256", "28.0%", "0"]
    assert line(uneven(), "0-24")[:3] == ["0-24", "25", "256"]
    assert line(uneven(), "25-31")[:3] == ["25-31", "7", "0"]


def staged() -> Report:
    """Four stages of a pipeline, of 8 ranks each."""
    mesh = (Axis("pp", 4, "pipeline", 8), Axis("tp", 8, "model", 1))
    like = ranked(mesh=mesh)
    kinds = [
        kind(like, *range(8 * stage, 8 * stage + 8), stage=stage, macs=(stage + 1) * MACS)
        for stage in range(4)
    ]
    return ranked(mesh=mesh, kinds=tuple(kinds), bubble=Bubble("Schedule1F1B", 8, (0.4, 0.3, 0.2, 0.1)))


def test_a_pipeline_has_a_row_for_each_stage() -> None:
    assert line(staged(), "2  16-23")[:3] == ["2", "16-23", "8"]
    assert line(staged(), "2  16-23")[-1] == "20.0%"
    assert "Schedule1F1B of 8 microbatches: a rank of the pipeline waits up to 40.0% of a step" in text(
        staged()
    )


def test_figures_of_a_step_are_not_taken_for_those_of_a_microbatch() -> None:
    told = staged()
    assert told.ranks is not None
    kinds = tuple(one._replace(stages=(one.stage or 0, (one.stage or 0) + 4)) for one in told.ranks.kinds)
    told = told.but(ranks=replace(told.ranks, kinds=kinds, microbatches=8))
    assert "rank 0 of 32, mesh pp=4 × tp=8, stages 0, 4" in text(told)
    assert line(told, "2, 6")[:4] == ["2,", "6", "16-23", "8"]
    assert "of its stages, undivided; of them this rank does" in text(told)
    assert "of this rank in a step," in text(told)
    assert "of all 32 in the forwards of 8 microbatches" in text(told)
    assert "rank 0 of 32, mesh pp=4 × tp=8, stage 0" in text(staged())
    assert "in the forwards" not in text(staged())


def test_what_is_done_in_vain_and_what_nobody_wrote() -> None:
    told = uneven(
        repeated=(Repeated("blocks.0.up", "dp", 32, MACS),),
        implicit=(Implicit("blocks.1", "aten.mm", "S(0), R", "R, R", 3, 3 * 2**20),),
    )
    assert line(told, "blocks.0.up") == ["blocks.0.up", "dp", "×32", "8.19", "K"]
    assert "25.0% of this rank's work is done by others too" in text(told)  # one of four linears
    assert "! 3 redistributions of 3.00 MiB that nobody wrote: netscope lint names them" in text(told)


def test_one_rank_of_which_alone_is_known() -> None:
    like = ranked()
    alone = ranked(kinds=(kind(like, 0),))
    assert "only this rank was looked at" in text(alone)
    assert "all ranks" not in text(alone)
    assert alone.ranks is not None
    assert alone.ranks.macs is None


def test_shares_and_lists_of_ranks_as_text() -> None:
    assert [part(share) for share in (0.125, 1.0, 0.2344, 1 / 3, 0, None)] == [
        *("1/8", "all", "23.4%", "1/3", "0.0%", "?"),
    ]
    assert ranks_text((0, 1, 2, 5)) == "0-2, 5"
    assert ranks_text(tuple(range(0, 256, 8))) == "0, 8, … 248"
    assert place(ranked(mesh=()).ranks) == "rank 0 of 1"  # type: ignore[arg-type]


def test_data_formats_have_the_columns() -> None:
    report = uneven()
    row = json.loads(report.to_json())["layers"][3]
    assert row["placements"] == {"weight": {"dp": "S(0)", "tp": "S(0)"}}
    assert (row["global_macs"], row["wire_bytes"], row["rank_share"]) == (GLOBAL_MACS, 1_792, 0.125)
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(show.text(report, "csv")))}
    # Of a block alone: three collectives of 31/32 of 16 KiB.
    assert rows["blocks.0"]["own_wire_bytes"] == str(3 * 2**14 * 31 // 32)
    assert rows["blocks.0.up"]["own_global_macs"] == "65536"
    assert json.loads(rows["blocks.0.up"]["collectives"]) == {"all_reduce tp": 1_792}
    assert store.from_dict(json.loads(report.to_json())) == report


def test_the_default_columns_are_columns() -> None:
    assert {*default_of(ranked())} <= {column.key for column in known_to(ranked())}
