"""What a wrong name is answered with."""

from __future__ import annotations

from netscope.base.suggest import instead_of, nearest


def test_likeness_as_a_whole_goes_before_being_contained() -> None:
    assert nearest("lama", ["diffllama", "llama4_text", "llama4", "llama"])[0] == "llama"
    assert nearest("conv9", ["features", "features.conv1", "classifier.fc6"]) == ["features.conv1"]


def test_a_beginning_finds_what_begins_with_it() -> None:
    known = ["resnet18", "resnet34", "resnext50_32x4d", "resnext101_32x8d"]
    assert set(nearest("resnext", known, limit=2)) == {"resnext50_32x4d", "resnext101_32x8d"}


def test_what_is_like_nothing_finds_nothing() -> None:
    assert nearest("nope", ["openai-gpt", "openai_privacy_filter", "solar_open"]) == []
    assert nearest("", ["a", "b"]) == []


def test_a_hint_names_the_nearest_or_the_first() -> None:
    assert instead_of("featurs.*", ["features", "head"]) == "did you mean features?"
    assert instead_of("*", ["a", "b"]) == "it has a, b"
    assert instead_of("zzzzzz", list("abcdefg")) == "it has a, b, c, d, e, f, ..."
