"""A call of a network, made from its configuration and the signature of its forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch import nn

from netscope.sources.common.blueprint import Call
from netscope.sources.huggingface import images, patches, series, sounds, texts
from netscope.sources.huggingface.network import Network

# What makes the input of each name.
_SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    **texts.SAMPLES,
    **images.SAMPLES,
    **patches.SAMPLES,
    **sounds.SAMPLES,
    **series.SAMPLES,
}
_USUAL: Final = ("input_ids", "pixel_values", "input_features")
# Optional by the signature, and yet no forward that takes them does without.
_EXPECTED: Final = (
    *("bbox", "visual_feats", "visual_pos", "lang_ids", "image_attention_mask"),
    *("image_embeds_position_mask", "input_features_mask"),
    *("actions", "rewards", "returns_to_go", "timesteps"),
)
# What goes with an input that is given, where the forward takes it.
_BESIDE: Final[dict[str, tuple[str, ...]]] = {
    "query_embeds": ("encoder_hidden_states",),  # queries are asked of an image
    "state": ("input_ids", "pixel_values", "pixel_attention_mask", "attention_mask", "noise", "timestep"),
    "input_values": ("pixel_values_videos",),
    "pixel_values": ("image_grid_thw", "spatial_shapes", "target_sizes"),
    "input_features": ("input_features_mask", "is_longer"),
    "past_time_features": ("future_values", "future_time_features"),
    "images_per_sample": ("image_grid_thw", "attention_mask"),
}


def example(module: nn.Module, batch: int) -> Call | None:
    """A call with the network's main input, and the others that it cannot do without."""
    network = Network(module, batch)
    wanted = _wanted(network)
    if not wanted or not all(name in _SAMPLES for name in wanted):
        return None
    kwargs = {name: _SAMPLES[name](network) for name in wanted}
    if "pixel_values" in wanted and any(name in wanted for name in patches.GRIDS):
        kwargs["pixel_values"] = patches.cut(network)
    if "hidden_states" in wanted and kwargs["hidden_states"] is None:
        kwargs["hidden_states"] = sounds.hidden(network)
    return Call((), {name: value for name, value in kwargs.items() if value is not None})


def _wanted(network: Network) -> list[str]:
    """The names of the inputs to give."""
    taken = network.taken
    main = [name for name in network.main if name in taken]
    if not main and not network.needed:  # named after a class that it derives from
        main = [str(name) for name in _USUAL if name in taken][:1]
    if main == ["inputs"] and "input_values" in taken and sounds.is_heard(network):
        main = ["input_values"]
    wanted = dict.fromkeys([*main, *network.needed])
    if getattr(network.config, "is_encoder_decoder", False) and "decoder_input_ids" in taken:
        wanted["decoder_input_ids"] = None
    if "images_per_sample" in taken:  # draws an image of a text
        wanted["images_per_sample"] = None
    elif "input_ids" in taken:
        for other in ("pixel_values", "pixel_values_videos", "input_features", "input_values"):
            if other in taken and (other in wanted or _is_joint(network, other)):
                wanted = dict.fromkeys(["input_ids", other, *wanted])
    wanted |= dict.fromkeys(name for name in _EXPECTED if name in taken)
    for name, others in _BESIDE.items():
        if name in wanted:
            wanted |= dict.fromkeys(other for other in others if other in taken)
    if {"input_values", "pixel_values_videos"} <= set(wanted):  # which of the two is longer is asked
        masks = ("padding_mask", "padding_mask_videos")
        wanted |= dict.fromkeys(mask for mask in masks if mask in taken)
    return list(wanted)


def _is_joint(network: Network, other: str) -> bool:
    """Whether a text comes with an image, a video or a sound.

    So it does in networks that compare the two, as CLIP does, or read both at once. Those in whose text an
    image stands in place of tokens do without it as well, and are given one if it is known of how many.
    """
    config = network.config
    if other == "pixel_values" and _has_placeholder(config) and texts.placeholders(network) is None:
        return False
    if "visual_bbox" in network.taken:  # which patches there are depends on the values of the boxes
        return False
    kind = "audio" if other.startswith("input_") else "vision"
    parts = {"vision": ("vision_config", "video_config", "audio_video_config")}
    names = parts.get(kind, ("audio_config", "speech_config", "audio_video_config"))
    towers = [getattr(config, name, None) for name in names]
    whole = getattr(config, "text_config", None) is None
    if network.writes and not (whole and other == "pixel_values"):
        return other == "input_features" and _hears_always(network)
    if other == "pixel_values":
        return whole or any(tower is not None for tower in towers)
    return any(tower is not None for tower in towers)


def _has_placeholder(config: Any) -> bool:
    """Whether a token stands for an image."""
    return any(hasattr(config, f"image_token_{end}") for end in ("id", "index")) or hasattr(
        config, "vocabulary_map"
    )


def _hears_always(network: Network) -> bool:
    """Whether a network that writes adds a sound to its text, token by token."""
    return "num_delay_tokens" in network.taken or "conditioning_encoder_inputs_embeds" in network.taken
