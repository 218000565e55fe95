from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope.report.layer import Tensor
from netscope.report.report import Report
from netscope.show.render.paint import WIDEST
from netscope.show.render.terminal import render
from netscope.show.render.text import width_of
from netscope.show.table import Table, build
from tests.reports import alexnet, around, functional, linear, relu, report, stack, uncalled

ALEXNET = """\
alexnet · zoo (Krizhevsky et al. 2012, single stream) · input 1×3×227×227 float32 · eval

layer       operator          output       weight + bias          params    MACs     %   out mem
features    Sequential
├─ conv1    Conv2d 11×11 /4   1×96×55×55   96×3×11×11 + 96        34,944   105 M   9.3  1.11 MiB
├─ relu1    ReLU              =                                                            ·
├─ norm1    LRN n=5           =                                                         1.11 MiB
├─ pool1    MaxPool2d 3×3 /2  1×96×27×27                                                 273 KiB
├─ conv2    Conv2d 5×5 p2     1×256×27×27  256×96×5×5 + 256      614,656   448 M  39.5   729 KiB
├─ relu2    ReLU              =                                                            ·
├─ norm2    LRN n=5           =                                                          729 KiB
├─ pool2    MaxPool2d 3×3 /2  1×256×13×13                                                169 KiB
├─ conv3    Conv2d 3×3 p1     1×384×13×13  384×256×3×3 + 384     885,120   150 M  13.2   254 KiB
├─ relu3    ReLU              =                                                            ·
├─ conv4    Conv2d 3×3 p1     =            384×384×3×3 + 384   1,327,488   224 M  19.8   254 KiB
├─ relu4    ReLU              =                                                            ·
├─ conv5    Conv2d 3×3 p1     1×256×13×13  256×384×3×3 + 256     884,992   150 M  13.2   169 KiB
├─ relu5    ReLU              =                                                            ·
└─ pool5    MaxPool2d 3×3 /2  1×256×6×6                                                 36.0 KiB
flatten     Flatten           1×9216                                                       ·
classifier  Sequential
├─ fc6      Linear            1×4096       4096×9216 + 4096   37,752,832  37.7 M   3.3  16.0 KiB
├─ relu6    ReLU              =                                                            ·
├─ drop6    Dropout p=0.5     =                                                            ·
├─ fc7      Linear            =            4096×4096 + 4096   16,781,312  16.8 M   1.5  16.0 KiB
├─ relu7    ReLU              =                                                            ·
├─ drop7    Dropout p=0.5     =                                                            ·
└─ fc8      Linear            1×1000       1000×4096 + 1000    4,097,000  4.10 M   0.4  3.91 KiB

weight layers           8  5 conv + 3 linear
params         62,378,344  238.0 MiB, all trainable
MACs              1.135 G  FLOPs 2.271 G = 2 × MACs
vector ops        5.636 M  uncounted: none
outputs         4.802 MiB  new memory that layers returned
traced            2.95 ms  on meta
"""

ESCAPES = re.compile(r"\x1b\[\d+m")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal, in an encoding of choice."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]  # StringIO has none to give
        return self._encoding

    def isatty(self) -> bool:
        return True


def text(whole: Report, width: int | None = 100, **what: Any) -> str:
    return render(build(whole, **what), width=width, color=False)


def rows(whole: Report, width: int | None = 100, **what: Any) -> list[str]:
    """The lines of the table's body."""
    return text(whole, width, **what).split("\n\n")[1].splitlines()[1:]


def test_alexnet_at_a_hundred_columns() -> None:
    assert text(alexnet()) == ALEXNET


def test_off_a_terminal_lines_have_their_natural_width() -> None:
    assert render(build(alexnet()), stream=io.StringIO()) == ALEXNET
    long = replace(alexnet(), layers=(*alexnet().layers, linear("x" * 55, (1, 10**6), (1, 10**6))))
    assert max(map(len, render(build(long)).splitlines())) > 130


def test_eighty_columns_lose_the_widest_column_and_say_so() -> None:
    lines = text(alexnet(), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[3] == "layer       operator          output           params    MACs     %   out mem"
    assert lines[-1] == "not shown, for want of width: weight + bias"


@given(width=st.integers(20, 200), fold=st.booleans(), depth=st.integers(0, 3))
@settings(max_examples=60)
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int, fold: bool, depth: int) -> None:
    for whole in (alexnet(), stack(3)):
        body = text(whole, width, fold=fold, depth=depth).split("\n\n")
        for line in (body[0] + "\n" + body[1]).splitlines():
            assert width_of(line) <= min(width, WIDEST)


def test_every_width_shows_the_names_and_the_macs() -> None:
    lines = rows(alexnet(), 24)
    assert lines[1].split() == ["├─", "conv1", "105", "M", "9.3"]


def test_marks_of_shared_unused_and_odd_layers() -> None:
    never, read = uncalled("never"), uncalled("read", used=True)
    tied = linear("tied", (1, 4), (1, 4), shared_with="fc.weight")
    twice = replace(relu("act", (1, 4)), calls=2, registered=False)
    shown = rows(report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), never, read, tied, twice]), None)
    assert [" ".join(line.split()) for line in shown] == [
        "fc Linear = 4×4 + 4 20 16 50.0 16 B",
        "never Linear not called 4×4 + 4 20",
        "read Linear used by parent 4×4 + 4 20",
        "tied Linear (shared with fc.weight) = 4×4 (16) 16 50.0 16 B",
        "act ReLU (unregistered) (2 calls) = ·",
    ]


def unknown() -> Report:
    odd = functional(
        "(functional)",
        (1, 4),
        {"lib.odd.default": 2, "aten.fft_rfft.default": 1},
        unknown={"lib.odd.default": 2, "aten.fft_rfft.default": 1},
        macs=None,
        vector=None,
    )
    return report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), odd])


def test_what_was_not_counted_is_named_and_makes_totals_bounds() -> None:
    lines = text(unknown()).splitlines()
    assert [" ".join(line.split()) for line in lines if line.startswith(("MACs", "uncounted", "vector"))] == [
        "MACs ≥ 16 FLOPs ≥ 32 = 2 × MACs",
        "vector ops ≥ 4",
        "uncounted 3 lib.odd ×2, fft_rfft",
    ]
    assert " ".join(rows(unknown())[1].split()) == "(functional) lib.odd ×2, fft_rfft = ? 16 B"
    assert " ".join(rows(unknown(), depth=0)[0].split()) == "(root) Odd = 20 ≥ 16 100.0 32 B"


def test_no_uncounted_name_is_lost_on_a_narrow_terminal() -> None:
    names = {f"lib.operator_number_{i}.default": 1 for i in range(9)}
    odd = functional("(functional)", (1, 4), names, unknown=names, macs=None, vector=None)
    shown = text(report("odd", "Odd", [linear("fc", (1, 4), (1, 4)), odd]), 60)
    assert all(f"lib.operator_number_{i}" in shown for i in range(9))


def test_folded_rows_say_how_many_they_are() -> None:
    lines = text(stack(), fold=True).splitlines()
    assert [line.split("  ")[0] for line in lines[3:6]] == ["embed", "layers", "└─ 0-11 ×12"]
    assert lines[-1] == "×N: identical blocks in one, with the figures of all N together"


def test_a_failed_forward_shows_where() -> None:
    inner = [
        linear("net.a", (1, 4), (1, 4)),
        replace(uncalled("net.b"), calls=1, completed=False),
        uncalled("net.c"),
    ]
    whole = replace(
        report("bad", "Bad", around("net", "Sequential", inner, completed=False)),
        error="RuntimeError: mat1 and mat2\nshapes cannot be multiplied",
        error_path="net.b",
    )
    lines = text(whole).splitlines()
    assert [" ".join(line.split()) for line in lines[3:7]] == [
        "net Sequential ✗",
        "├─ a Linear = 4×4 + 4 20 16 100.0 16 B",
        "├─ b Linear ✗ raised here 4×4 + 4 20",
        "└─ c Linear not reached 4×4 + 4 20",
    ]
    assert lines[-1] == r"✗ net.b raised RuntimeError: mat1 and mat2\nshapes cannot be multiplied"


def test_notes_and_the_rung() -> None:
    whole = replace(
        alexnet(), rung="fake", rung_reason="nonzero needs data", notes=("causal\x1b[0m attention",)
    )
    lines = text(whole).splitlines()
    assert lines[-2].endswith("on fake tensors: nonzero needs data")
    assert lines[-1] == r"note: causal\x1b[0m attention"


def test_several_inputs_and_outputs_are_named() -> None:
    whole = stack(1)
    leaves = (Tensor("ids", (1, 7), "int64"), Tensor("mask", None, None, "str"))
    root = replace(whole.layers[0], outputs=leaves)
    shown = text(replace(whole, inputs=leaves, layers=(root, *whole.layers[1:])))
    assert "inputs ids 1×7 int64, mask str · eval" in shown
    assert "returns                2  ids 1×7 int64, mask str" in shown


NASTY = {
    "[bold]red[/bold]": "[bold]red[/bold]",
    "a|b": "a|b",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "x\ny": r"x\ny",
    "\x1b[31mred\x07": r"\x1b[31mred\x07",
    "\u202eevil": r"\u202eevil",
    "\ud800": r"\ud800",
}


@pytest.mark.parametrize("name", NASTY)
def test_names_are_shown_as_they_are_and_do_nothing(name: str) -> None:
    whole = replace(report(name, name, [linear(name, (1, 4), (1, 4))]), description=name)
    shown = text(whole)
    assert rows(whole)[0].startswith(NASTY[name] + " ")
    assert shown.isascii() or not any(ord(c) < 32 and c != "\n" for c in shown)
    assert len(shown.splitlines()) == len(text(report("x", "x", [linear("x", (1, 4), (1, 4))])).splitlines())
    shown.encode()


def test_a_name_of_ten_thousand_characters_is_elided() -> None:
    name = "begin" + "q" * 10_000 + "end"
    (row,) = rows(report("long", "Long", [linear(name, (1, 4), (1, 4))]), None)
    assert row.startswith("beginqqq")
    assert "…" in row
    assert len(row) < 130


def test_names_are_not_shortened_to_the_same() -> None:
    names = [f"encoder.layer.{n}.intermediate.dense.projection" for n in range(12)]
    whole = report("deep", "Deep", [linear(name, (1, 8), (1, 8)) for name in names])
    shown = [line.split()[0] for line in rows(whole, 80, sort="macs")[:12]]
    assert len(set(shown)) == 12


def test_wide_characters_align() -> None:
    lines = text(
        report("wide", "Wide", [linear("日本語レイヤ", (1, 4), (1, 4)), linear("fc", (1, 4), (1, 4))])
    )
    first, second = lines.split("\n\n")[1].splitlines()[1:]
    assert width_of(first) == width_of(second)
    assert width_of(first.partition("Linear")[0]) == width_of(second.partition("Linear")[0])


def test_three_hundred_levels_stay_within_the_terminal() -> None:
    layers = [linear(".".join(["x"] * 300), (1, 4), (1, 4))]
    for level in range(299, 0, -1):
        layers = around(".".join(["x"] * level), "Sequential", layers)
    lines = rows(report("deep", "Deep", layers), None)
    assert len(lines) == 300
    assert max(map(len, lines)) < 110
    assert lines[-1].startswith("⋯ 299 deep")


def test_colour_is_only_escape_sequences_around_the_same_text() -> None:
    coloured = render(build(alexnet()), width=100, color=True)
    assert "\x1b[36m39.5\x1b[0m" in coloured
    plain = "".join(line.rstrip() + "\n" for line in ESCAPES.sub("", coloured).splitlines())
    assert plain == ALEXNET


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
    ],
)
def test_colour_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b" in render(build(alexnet()), stream=Terminal())) == coloured


def test_colour_off_a_terminal_must_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in render(build(alexnet()), stream=io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" in render(build(alexnet()), stream=io.StringIO())


def test_columns_sets_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, render(build(alexnet())).splitlines()[2:28])) <= 60


def test_an_ascii_stream_gets_ascii() -> None:
    shown = render(build(stack(), fold=True), width=100, color=False, stream=Terminal("ascii"))
    assert shown.isascii()
    assert "input 1x4x8 float32" in shown
    assert "`- 0-11 x12" in shown
    named = report("日", "X", [linear("日本", (1, 4), (1, 4)), linear("fc", (1, 4), (1, 4))])
    body = render(build(named), width=100, color=False, stream=Terminal("latin-1")).split("\n\n")[1]
    assert body.splitlines()[1].startswith(r"\u65e5\u672c  Linear")
    assert body.splitlines()[2].startswith(r"fc            Linear")


def test_a_selection_says_how_much_of_the_network_it_is() -> None:
    lines = text(alexnet(), top=3).splitlines()
    assert lines[-2] == "rows shown              3  of 23, 72.4% of MACs, 4.5% of params"


def test_an_empty_network_has_a_table() -> None:
    whole = Report(name="", source="", layers=(replace(relu("", ()), depth=0),))
    assert "params" in text(whole)


def test_thousands_of_rows_take_no_time() -> None:
    import time

    table: Table = build(stack(750))
    began = time.process_time()
    assert render(table, width=100, color=True).count("\n") > 3000
    assert time.process_time() - began < 2


def test_an_endless_error_is_cut_and_figures_end_at_the_failure() -> None:
    whole = replace(report("bad", "Bad", [linear("a", (1, 4), (1, 4))]), error="E: " + "z" * 3000)
    lines = text(whole).splitlines()
    assert len(lines[-1]) < 450
    assert lines[-1].endswith("…")
    assert any(line.startswith("MACs") and line.endswith("up to the failure") for line in lines)


def test_a_share_of_nothing_is_nothing() -> None:
    empty = text(report("empty", "Empty", [uncalled("a")]))
    assert "?" not in empty
