"""Inputs of every modality, as they follow from a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from netscope.sources import resolve

pytest.importorskip("transformers")


def shapes(name: str, **how: Any) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in resolve(f"hf/{name}", **how).kwargs.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Texts, with the boxes of their words, or a language.
        ("bros", {"input_ids": (1, 128), "bbox": (1, 128, 4)}),
        ("xmod", {"input_ids": (1, 128), "lang_ids": (1,)}),
        # 9 channels of codes; 32 codebooks beside the text; 4 codebooks as sequences of their own.
        ("dia", {"input_ids": (1, 128), "decoder_input_ids": (1, 128, 9)}),
        ("kyutai_speech_to_text", {"input_ids": (1, 128, 33)}),
        ("musicgen", {"input_ids": (1, 128), "decoder_input_ids": (4, 128)}),
        # Images: a pair, one below another, several a text, as large as four patches of 384.
        ("lightglue", {"pixel_values": (1, 2, 3, 224, 224)}),
        (
            "seggpt",
            {
                "pixel_values": (1, 3, 448, 448),
                "prompt_pixel_values": (1, 3, 448, 448),
                "prompt_masks": (1, 3, 448, 448),
            },
        ),
        ("depth_pro", {"pixel_values": (1, 3, 1536, 1536)}),
        ("sam2", {"pixel_values": (1, 3, 1024, 1024)}),
        ("lxmert", {"input_ids": (1, 128), "visual_feats": (1, 36, 2048), "visual_pos": (1, 36, 4)}),
        # Videos, with their own number of frames.
        ("vjepa2", {"pixel_values_videos": (1, 64, 3, 256, 256)}),
        ("vivit", {"pixel_values": (1, 32, 3, 224, 224)}),
        # 336 pixels in patches of 14: 24 x 24, of 3 channels x 2 frames x 14 x 14.
        ("glm4v_vision", {"hidden_states": (576, 1176), "grid_thw": (1, 3)}),
        # 224 / 16: 14 x 14 patches of 3 x 16 x 16.
        (
            "siglip2_vision_model",
            {"pixel_values": (1, 196, 768), "pixel_attention_mask": (1, 196), "spatial_shapes": (1, 2)},
        ),
        ("pix2struct", {"flattened_patches": (1, 2048, 770), "decoder_input_ids": (1, 128)}),
        # Sounds: bands before the steps or after them, stacked by seven, with channels.
        ("voxtral_realtime_encoder", {"input_features": (1, 128, 100)}),
        ("gemma4_audio", {"input_features": (1, 100, 128)}),
        ("fun_asr_nano_encoder", {"input_features": (1, 14, 560), "input_features_mask": (1, 14)}),
        ("qwen3_asr_encoder", {"input_features": (1, 128, 100), "input_features_mask": (1, 100)}),
        ("xcodec", {"input_values": (1, 1, 16_000)}),
        ("muse_spark_audio", {"input_values": (1, 17_280)}),
        # Series: 24 steps of context, and 7 lags before them.
        (
            "time_series_transformer",
            {
                "past_values": (1, 31),
                "past_time_features": (1, 31, 0),
                "past_observed_mask": (1, 31),
                "future_values": (1, 24),
                "future_time_features": (1, 24, 0),
            },
        ),
        ("patchtst", {"past_values": (1, 32, 1)}),
        # Agents.
        (
            "decision_transformer",
            {
                "states": (1, 20, 17),
                "actions": (1, 20, 4),
                "rewards": (1, 20, 1),
                "returns_to_go": (1, 20, 1),
                "timesteps": (1, 20),
            },
        ),
    ],
)
def test_inputs(name: str, expected: dict[str, tuple[int, ...]]) -> None:
    assert shapes(name) == expected


def test_a_grid_has_values_that_agree_with_its_patches() -> None:
    kwargs = resolve("hf/qwen2_5_vl_vision", batch=2).kwargs
    # 224 pixels in patches of 14, an even number of them for merging by two.
    assert kwargs["grid_thw"].tolist() == [[1, 16, 16], [1, 16, 16]]
    assert kwargs["hidden_states"].shape[0] == 2 * 16 * 16


def test_as_many_tokens_stand_for_an_image_as_are_made_of_it() -> None:
    workload = resolve("hf/t5gemma2_encoder")
    config: Any = workload.module.config
    ids = workload.kwargs["input_ids"]
    assert int((ids == config.image_token_index).sum()) == config.mm_tokens_per_image == 196


def test_a_text_has_a_place_for_each_piece_of_its_image() -> None:
    workload = resolve("hf/kosmos-2")
    config: Any = workload.module.config
    assert int(workload.kwargs["image_embeds_position_mask"].sum()) == config.latent_query_num == 64


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clip", {"input_ids", "pixel_values"}),  # compares the two
        ("vilt", {"input_ids", "pixel_values"}),  # reads both at once
        ("git", {"input_ids", "pixel_values"}),  # writes, with the image before the text
        ("modernvbert", {"input_ids"}),  # has a token for images, of which nothing says how many
        ("qwen2_vl", {"input_ids"}),
        ("clap", {"input_ids", "input_features", "is_longer"}),
        ("bert", {"input_ids"}),
    ],
)
def test_a_text_comes_with_what_it_cannot_do_without(name: str, expected: set[str]) -> None:
    assert set(shapes(name)) == expected


def test_a_mask_is_true_where_something_is() -> None:
    kwargs = resolve("hf/siglip2_vision_model").kwargs
    assert kwargs["pixel_attention_mask"].all()
    assert kwargs["spatial_shapes"].tolist() == [[14, 14]]


@pytest.mark.parametrize("name", ["bert", "siglip2_vision_model", "time_series_transformer", "xcodec"])
def test_a_batch_is_in_front(name: str) -> None:
    assert {shape[0] for shape in shapes(name, batch=3).values()} == {3}
