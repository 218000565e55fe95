from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netscope.report import store
from netscope.report.layer import Layer
from netscope.report.report import Report
from netscope.report.operators import DESCRIBERS, describe
from netscope.show.render import FORMATS, Render
from netscope.show.render import json as json_
from netscope.show.render.checks import OUTCOME_FORMATS
from netscope.show.render.diff import DIFF_FORMATS
from netscope.show.render.explanation import EXPLANATION_FORMATS
from netscope.show.render.findings import FINDINGS_FORMATS
from netscope.show.render.notebook import render as notebook
from netscope.show.render.variants import VARIANTS_FORMATS
from netscope.show.table import build
from tests.report.store.test_store import REPORT, VALUE
from tests.reports import alexnet, linear, report, stack


@pytest.mark.parametrize(
    "formats",
    [FORMATS, DIFF_FORMATS, EXPLANATION_FORMATS, FINDINGS_FORMATS, OUTCOME_FORMATS, VARIANTS_FORMATS],
)
def test_there_are_the_same_formats_of_everything_and_all_have_one_form(formats: dict[str, Any]) -> None:
    assert list(formats) == list(FORMATS)
    _, _, *asked = inspect.signature(Render.__call__).parameters.values()
    for render in formats.values():
        _, *taken = inspect.signature(render).parameters.values()
        assert taken == asked


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_the_network(name: str) -> None:
    text = FORMATS[name](build(alexnet()), width=100, color=False)
    assert text.endswith("\n")
    assert "features" in text


def test_json_is_the_whole_report_whatever_is_shown() -> None:
    text = json_.render(build(stack(), depth=1, columns=["params"]))
    assert store.from_dict(json.loads(text)) == stack()


def test_the_notebook_table_is_escaped_and_has_no_script() -> None:
    name = "<script>alert('x')</script>"
    text = notebook(build(report(name, name, [linear(name, (1, 4), (1, 4))])))
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert text.count("<table") == text.count("</table>") == 2


def test_the_notebook_table_indents_what_is_inside() -> None:
    text = notebook(build(alexnet()))
    assert "padding-left:10px" in text
    assert 'padding-left:24px">conv1<' in text
    assert ">62,378,344<" in text


@given(whole=REPORT, fold=st.booleans(), width=st.integers(1, 200))
@settings(max_examples=60)
def test_no_report_that_can_be_loaded_breaks_a_format(whole: Report, fold: bool, width: int) -> None:
    table = build(whole, fold=fold)
    for name, render in FORMATS.items():
        text = render(table, width=width, color=False)
        text.encode()
        if name in ("table", "markdown"):
            assert text.replace("\n", "").isprintable()
    assert "\x1b" not in notebook(table)


KEYS = (
    "kernel_size stride padding dilation groups output_size scale_factor size p dim hidden_size num_layers "
    "num_heads start_dim negative_slope mode affine"
).split()


@given(base=st.sampled_from(sorted(DESCRIBERS)), hyper=st.dictionaries(st.sampled_from(KEYS), VALUE))
def test_no_hyperparameter_breaks_the_operator_column(base: str, hyper: dict[str, object]) -> None:
    assert describe(Layer(path="x", type=base, base=base, hyperparameters=hyper)).startswith(
        ("LRN", "Linear", base)
    )
