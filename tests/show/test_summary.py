from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netscope import show
from netscope.report.layer import Tensor
from netscope.report.partial import with_failure
from netscope.report.report import Report
from netscope.show.screen import Screen
from netscope.show.strings import width_of
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


def text(whole: Report, width: int | None = 100, **what: Any) -> str:
    return show.text(whole, "table", width=width, **what)


def rows(whole: Report, width: int | None = 100, **what: Any) -> list[str]:
    """The lines of the table's body."""
    return text(whole, width, **what).split("\n\n")[1].splitlines()[1:]


def test_alexnet_at_a_hundred_columns() -> None:
    assert text(alexnet()) == ALEXNET


def test_off_a_terminal_lines_have_their_natural_width() -> None:
    assert text(alexnet(), None) == ALEXNET
    long = replace(alexnet(), layers=(*alexnet().layers, linear("x" * 55, (1, 10**6), (1, 10**6))))
    assert max(map(len, text(long, None).splitlines())) > 130


def test_eighty_columns_lose_the_widest_column_and_say_so() -> None:
    lines = text(alexnet(), 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[3] == "layer       operator          output           params    MACs     %   out mem"
    told = lines.index("not shown, for want of width: weight + bias")
    assert lines[told - 1].startswith("└─ fc8")


@given(width=st.integers(20, 200), fold=st.booleans(), depth=st.integers(0, 3))
@settings(max_examples=60)
def test_no_line_of_the_table_is_wider_than_the_terminal(width: int, fold: bool, depth: int) -> None:
    for whole in (alexnet(), stack(3)):
        body = text(whole, width, fold=fold, depth=depth).split("\n\n")
        for line in (body[0] + "\n" + body[1]).splitlines():
            assert width_of(line) <= width


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
    lines = text(with_failure(whole)).splitlines()
    assert [" ".join(line.split()) for line in lines[3:8]] == [
        "(root) Bad ? ?",
        "└─ net Sequential ✗ ? ?",
        "├─ a Linear = 4×4 + 4 20 16 16 B",
        "├─ b Linear ✗ raised here 4×4 + 4 20 ? ?",
        "└─ c Linear not reached 4×4 + 4 20 ? ?",
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


def test_a_selection_says_how_much_of_the_network_it_is() -> None:
    lines = text(alexnet(), top=3).splitlines()
    assert lines[-2] == "rows shown              3  of 23, 72.4% of MACs, 4.5% of params"


def test_an_empty_network_has_a_table() -> None:
    whole = Report(name="", source="", layers=(replace(relu("", ()), depth=0),))
    assert "params" in text(whole)


def test_thousands_of_rows_take_no_time() -> None:
    import time

    whole = stack(750)
    began = time.process_time()
    assert show.text(whole, "table", screen=Screen(100, color=True)).count("\n") > 3000
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
