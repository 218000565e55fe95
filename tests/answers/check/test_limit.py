"""The language of limits: what it says, exactly, and what it refuses."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netscope.answers.check import Limit, Unchanged, limit, parse_change, parse_limit, parse_named
from netscope.answers.check.limit import UNITS
from netscope.base.errors import UsageError
from netscope.report.quantities import BY_KEY, QUANTITIES, Quantity, find

SIGNS = ("<=", "<", ">=", ">", "==", "!=")
OPPOSITE = {"<=": ">", "<": ">=", ">=": "<", ">": "<=", "==": "!=", "!=": "=="}

# Sizes that decimal digits can write.
sizes = st.builds(
    lambda digits, places: Fraction(digits, 10**places), st.integers(0, 10**18), st.integers(0, 9)
)
layers = st.sampled_from(["", "features", "features.conv1", "encoder.(functional)", "a:b", "layers.0 x"])


@st.composite
def limits(draw: st.DrawFn, measure: str) -> Limit:
    layer = draw(layers)
    keys = [quantity.key for quantity in QUANTITIES if not layer or quantity.of_layer is not None]
    value = draw(sizes) * (1 if measure == "value" else draw(st.sampled_from([1, -1])))
    return Limit(draw(st.sampled_from(keys)), draw(st.sampled_from(SIGNS)), value, layer, measure)


@given(limits("value"))
def test_a_limit_reads_as_it_is_written(limit: Limit):
    assert parse_limit(str(limit)) == limit
    assert str(parse_limit(str(limit))) == str(limit)


@given(limits("change") | limits("percent"))
def test_a_change_reads_as_it_is_written(limit: Limit):
    assert parse_change(str(limit)) == limit


@given(st.sampled_from(QUANTITIES), sizes, st.data())
def test_a_unit_is_a_factor(quantity, size: Fraction, data):
    unit = data.draw(st.sampled_from(list(UNITS[quantity.kind])))
    text = f"{float(size):f}"
    assert (
        parse_limit(f"{quantity.key} <= {text} {unit}").value == Fraction(text) * UNITS[quantity.kind][unit]
    )


@given(sizes, sizes, st.integers(0, 10**18), st.sampled_from(["<=", "<"]))
def test_raising_a_limit_never_makes_a_pass_fail(one: Fraction, other: Fraction, found: int, sign: str):
    low, high = sorted((one, other))
    assert Limit("macs", sign, low).holds(found) <= Limit("macs", sign, high).holds(found)
    opposite = {"<=": ">=", "<": ">"}[sign]
    assert Limit("macs", opposite, high).holds(found) <= Limit("macs", opposite, low).holds(found)


@given(sizes, sizes, st.integers(0, 10**18), st.integers(0, 10**18))
def test_allowing_more_growth_never_makes_a_pass_fail(
    one: Fraction, other: Fraction, before: int, after: int
):
    low, high = sorted((one, other))
    for measure in ("change", "percent"):
        strict, lax = (Limit("macs", "<=", value, measure=measure) for value in (low, high))
        assert strict.holds(after, before) <= lax.holds(after, before)


@given(st.sampled_from(SIGNS), sizes, st.integers(0, 10**18))
def test_a_sign_and_its_opposite_never_agree(sign: str, value: Fraction, found: int):
    assert Limit("macs", sign, value).holds(found) is not Limit("macs", OPPOSITE[sign], value).holds(found)


@pytest.mark.parametrize(
    ("text", "quantity", "sign", "value", "layer"),
    [
        ("params=65M", "params", "<=", 65_000_000, ""),
        ("params = 65,000,000", "params", "<=", 65_000_000, ""),
        ("params<=65_000_000", "params", "<=", 65_000_000, ""),
        ("macs<1.2G", "macs", "<", 1_200_000_000, ""),
        ("macs==0.000001T", "macs", "==", 1_000_000, ""),
        ("macs=1e9", "macs", "<=", 1_000_000_000, ""),
        ("macs<1.25E+3", "macs", "<", 1250, ""),
        ("params<=62_378e3", "params", "<=", 62_378_000, ""),
        ("macs<=1.5e3K", "macs", "<=", 1_500_000, ""),
        ("weight_layers==8", "weight_layers", "==", 8, ""),
        ("output_bytes<=1.5KiB", "output_bytes", "<=", 1536, ""),
        ("output_bytes<=1.5KB", "output_bytes", "<=", 1500, ""),
        ("output_bytes<=7B", "output_bytes", "<=", 7, ""),
        ("features.conv1:params<=40k", "params", "<=", 40_000, "features.conv1"),
        ("encoder.(functional): macs>=1", "macs", ">=", 1, "encoder.(functional)"),
        ("a:b:macs!=3", "macs", "!=", 3, "a:b"),
    ],
)
def test_what_must_hold(text: str, quantity: str, sign: str, value: int, layer: str):
    assert parse_limit(text) == Limit(quantity, sign, Fraction(value), layer)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("macs>+5%", Limit("macs", "<=", Fraction(1, 20), measure="percent")),
        ("macs>5%", Limit("macs", "<=", Fraction(1, 20), measure="percent")),
        ("macs<-10%", Limit("macs", ">=", Fraction(-1, 10), measure="percent")),
        ("macs<-1e1%", Limit("macs", ">=", Fraction(-1, 10), measure="percent")),
        ("macs>+0.1%", Limit("macs", "<=", Fraction(1, 1000), measure="percent")),
        ("params>0", Limit("params", "<=", Fraction(0), measure="change")),
        ("params!=0", Limit("params", "==", Fraction(0), measure="change")),
        ("macs>=+10M", Limit("macs", "<", Fraction(10_000_000), measure="change")),
        ("head:output_bytes>+1KiB", Limit("output_bytes", "<=", Fraction(1024), "head", "change")),
        ("changed", Unchanged()),
        ("features.0: changed", Unchanged("features.0")),
    ],
)
def test_what_must_not_be_is_turned_round(text: str, held: Limit | Unchanged):
    assert parse_change(text) == held


def test_a_twentieth_is_exact():
    # As floats, 1.05 * 1_000_000_000_000_000_020 is not 1_050_000_000_000_000_021.
    limit, before = parse_change("macs>+5%"), 1_000_000_000_000_000_020
    assert isinstance(limit, Limit)
    assert limit.holds(1_050_000_000_000_000_021, before)
    assert not limit.holds(1_050_000_000_000_000_022, before)
    assert limit.holds(0, 0)
    assert not limit.holds(1, 0)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("params", "65M", "params<=65M"),
        ("params", 65_000_000, "params<=65M"),
        ("macs", " < 1.2G", "macs<1.2G"),
        ("macs", "=3", "macs<=3"),
        ("head:params", "==7", "head:params==7"),
    ],
)
def test_a_limit_under_a_name(key: str, value: str | int, text: str):
    assert str(parse_named(key, value)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parms=3", "there is no quantity 'parms'.\ndid you mean params, "),
        ("macs 3", "cannot read the limit 'macs 3'.\nwrite params=65M, "),
        ("macs<=1,2G", "cannot read the limit 'macs<=1,2G'."),
        ("macs<=", "cannot read the limit 'macs<='."),
        ("macs<=three", "cannot read the limit 'macs<=three'."),
        ("macs<=٣", "cannot read the limit"),
        (f"macs<={'9' * 5000}", "cannot read the limit"),
        ("macs<=1e99", "cannot read the limit 'macs<=1e99'."),
        ("macs<=1e999999999", "cannot read the limit"),
        ("macs<=1e", "'e' is no unit of macs."),
        ("macs<=e9", "cannot read the limit"),
        ("macs<=1e1.5", "cannot read the limit"),
        ("", "cannot read the limit ''."),
        ("macs<=3GiB", "'GiB' is no unit of macs.\nuse K, M, G, T, or none"),
        ("output_bytes<=3M", "'M' is no unit of output_bytes.\nuse B, KB, KiB, "),
        ("macs<=+5%", "'macs<=+5%' limits a change.\ngive it as what fails: --fail-if 'macs>+5%'"),
        ("macs<=-5", "'macs<=-5' limits a change."),
        ("a.b:weight_layers<=3", "a layer has no weight_layers, only a whole network."),
        ("changed", "cannot read the limit 'changed'."),
    ],
)
def test_nonsense_is_refused(text: str, says: str):
    with pytest.raises(UsageError) as caught:
        parse_limit(text)
    assert str(caught.value).startswith(says)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", ["macs=5%", "macs", "unchanged", "macs>+5%%", "macs>++5"])
def test_nonsense_about_a_change_is_refused(text: str):
    with pytest.raises(UsageError, match="cannot read the limit"):
        parse_change(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("params<=62,378,344", "params<=62378344"),
        ("params<=1200000", "params<=1.2M"),
        ("params<=1000", "params<=1K"),
        ("output_bytes<=65536", "output_bytes<=64KiB"),
        ("output_bytes<=10000000", "output_bytes<=10MB"),
        ("macs<=0", "macs<=0"),
    ],
)
def test_the_shortest_text(text: str, written: str):
    assert str(parse_limit(text)) == written


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("latency<=10ms", Fraction(1, 100), "latency<=10ms"),
        ("latency<0.5", Fraction(1, 2), "latency<0.5s"),
        ("latency<0.1us", Fraction(1, 10**7), "latency<0.0000001s"),
        ("latency<=90s", Fraction(90), "latency<=90s"),
        ("latency<=5e-3", Fraction(5, 1000), "latency<=5ms"),
        ("latency>=0", Fraction(0), "latency>=0"),
    ],
)
def test_times(monkeypatch: pytest.MonkeyPatch, text: str, seconds: Fraction, written: str):
    latency = Quantity("latency", "latency", "seconds", "a step", lambda report: None)
    monkeypatch.setitem(BY_KEY, "latency", latency)
    assert parse_limit(text).value == seconds
    assert str(parse_limit(text)) == written
    assert parse_limit(written) == parse_limit(text)


def test_every_quantity_has_units():
    assert {find(quantity.key).kind for quantity in QUANTITIES} <= UNITS.keys()


def test_the_examples_that_document_it_are_read():
    lines = [line for line in (limit.__doc__ or "").splitlines() if line.startswith("    ")]
    texts = [text for line in lines for text in re.split(r" {2,}", line.strip())[0].split(", ")]
    levels, changes = texts[: texts.index("macs>+5%")], texts[texts.index("macs>+5%") :]
    assert len(levels) >= 4
    assert len(changes) >= 5
    assert all(parse_limit(text) for text in levels)
    assert all(parse_change(text) for text in changes)
