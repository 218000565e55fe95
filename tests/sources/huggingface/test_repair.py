"""What is changed of a configuration that contradicts itself, and that nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

import netscope
from netscope.base.errors import SourceError
from netscope.sources import resolve
from netscope.sources.huggingface.repair import Change, _in_proportion

pytest.importorskip("transformers")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Change("vision_config", "num_attention_heads", 14, 16), "vision: 14 -> 16 heads"),
        (Change("", "num_key_value_heads", None, 8), "num_key_value_heads unset -> 8"),
        (
            Change("a_config.text_config", "layer_types", None, ["full"] * 9),
            "text: layer_types unset -> 9 x full",
        ),
    ],
)
def test_a_change_is_said_in_a_few_words(change: Change, says: str) -> None:
    assert str(change) == says


@pytest.mark.parametrize(
    ("name", "says"),
    [
        # 1152 = 2^7 x 3^2: of 12 and 16, both as near to 14, the larger.
        ("aya_vision", ["vision: 14 -> 16 heads"]),
        # Heads are as wide as the hidden size shared among them.
        ("ministral", ["head_dim unset -> 128"]),
        # 4096 / 32 heads / 2 frequencies of 64, in the proportion 8 : 12 : 12 that glm has.
        ("glm4v_text", ["mrope_section [8, 12, 12] -> [16, 24, 24]"]),
        ("nemotron", ["num_key_value_heads unset -> 48"]),
        ("wav2vec2-bert", ["vocab_size unset -> 32"]),
        ("autoformer", ["prediction_length unset -> 24", "context_length unset -> 24"]),
        ("timm_backbone", ["backbone unset -> resnet50"]),
        # 224 pixels in patches of 16 are 14 x 14, so no more than 196 tokens.
        ("t5gemma2_encoder", ["256 -> 196 mm_tokens_per_image"]),
        ("pp_ocrv6_small_det", ["backbone_config pp_lcnet_v4 -> pp_lcnet_v3"]),
        ("esm", ["vocab_size unset -> 33"]),
    ],
)
def test_the_header_says_what_was_changed(name: str, says: list[str]) -> None:
    description = resolve(f"hf/{name}").description
    for one in says:
        assert one in description.split("; ") or one in description
    assert "default configuration" in description


def test_what_was_changed_is_in_the_text_and_in_the_json() -> None:
    report = netscope.summary("hf/aya_vision")
    assert "vision: 14 -> 16 heads" in str(report)
    assert "vision: 14 -> 16 heads" in report.to_json()


@pytest.mark.parametrize("name", ["bert", "llama", "clip", "whisper", "vit", "t5", "mixtral"])
def test_a_consistent_configuration_is_left_alone(name: str) -> None:
    assert "->" not in resolve(f"hf/{name}").description


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("bert", {"hidden_size": 100, "num_attention_heads": 7}, "not a multiple"),
        ("gpt2", {"n_embd": 100, "n_head": 7}, "must be divisible"),  # by the names that gpt2 has for them
        ("esm", {"vocab_size": 33, "hidden_size": 100, "num_attention_heads": 7}, "not a multiple"),
    ],
)
def test_what_was_given_is_never_changed(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(SourceError, match=says):
        resolve(f"hf/{name}", options=options)


def test_heads_that_were_not_given_are_changed_for_those_that_fit() -> None:
    # Of 100 = 2^2 x 5^2 the nearest divisor to 12 is 10.
    assert "12 -> 10 heads" in resolve("hf/bert", options={"hidden_size": 100}).description


@pytest.mark.parametrize(
    ("section", "size", "expected"),
    [((8, 12, 12), 64, [16, 24, 24]), ((1, 1, 1), 64, [21, 22, 21]), ((16, 24, 24), 64, [16, 24, 24])],
)
def test_sections_keep_their_proportion(section: tuple[int, ...], size: int, expected: list[int]) -> None:
    assert _in_proportion(section, size) == expected
    assert sum(expected) == size


def test_rebuilding_makes_the_same_network() -> None:
    """With the changes, and without looking for them again."""
    workload = resolve("hf/time_series_transformer")
    assert workload.rebuild is not None
    rebuilt = workload.rebuild()
    shapes = {name: tuple(p.shape) for name, p in workload.module.named_parameters()}
    assert {name: tuple(p.shape) for name, p in rebuilt.named_parameters()} == shapes
