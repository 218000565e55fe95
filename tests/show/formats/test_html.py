from __future__ import annotations

from netscope.answers.explain import explain
from netscope.show import page_of
from netscope.show.formats import html
from tests.nets import wide
from tests.reports import alexnet, linear, report
from tests.show.answers import profile


def test_text_is_escaped_and_there_is_no_script() -> None:
    name = "<script>alert('x')</script>"
    text = html.fragment(page_of(report(name, name, [linear(name, (1, 4), (1, 4))])))
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in text
    assert text.count("<table") == text.count("</table>") == 2


def test_what_is_inside_is_indented() -> None:
    text = html.fragment(page_of(alexnet()))
    assert "padding-left" not in text[: text.index(">features<")]
    assert 'padding-left:24px">conv1<' in text
    assert ">62,378,344<" in text


def test_a_notebook_gets_an_element_and_a_browser_a_document() -> None:
    assert explain(alexnet())._repr_html_().startswith("<div ")
    page = alexnet().to_html()
    assert page.startswith("<!doctype html>")
    assert "<title>alexnet · netscope</title>" in page
    assert page.count("<body>") == page.count("</body>") == 1
    assert "<noscript>" in page
    plain = page.partition("<noscript>")[2].partition("</noscript>")[0]
    assert ">fc6</td>" in plain
    assert ">37.7 M</td>" in plain


def test_a_diff_is_named_by_both_and_opened() -> None:
    from dataclasses import replace

    from netscope.answers.diff import diff

    page = diff(wide(32), replace(wide(64), name="wider")).to_html()
    assert "<title>wide → wider · netscope</title>" in page
    assert '<details class="block" open>' in page
    assert "channels out 32→64" in page


def test_bars_are_as_long_as_their_shares() -> None:
    # 2.0 ms of layers, 0.5 without one and 0.4 idle make 2.9 ms, which are 240 pixels.
    page = profile().to_html()
    for part in (2.0, 0.5, 0.4):
        assert f"width:{240 * part / 2.9:.0f}px" in page
