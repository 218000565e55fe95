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
# Optional by the signature, and yet no forward that takes them does without.
_EXPECTED: Final = (
    *("bbox", "visual_feats", "visual_pos", "lang_ids", "image_attention_mask"),
    *("spatial_shapes", "target_sizes", "image_embeds_position_mask", "input_features_mask"),
    *("actions", "rewards", "returns_to_go", "timesteps", "future_values", "future_time_features"),
)
# Networks whose text cannot do without an image or a sound, though both are optional by the signature.
_TOGETHER: Final = ("bbox", "visual_feats", "image_attention_mask")


def example(module: nn.Module, batch: int) -> Call | None:
    """A call with the network's main input, and the others that it cannot do without."""
    network = Network(module, batch)
    wanted = _wanted(network)
    if not all(name in _SAMPLES for name in wanted):
        return None
    kwargs = {name: _SAMPLES[name](network) for name in wanted}
    if "pixel_values" in wanted and any(name in wanted for name in patches.GRIDS):
        kwargs["pixel_values"] = patches.cut(network)
    return Call((), {name: value for name, value in kwargs.items() if value is not None})


def _wanted(network: Network) -> list[str]:
    """The names of the inputs to give."""
    taken = network.taken
    main = [name for name in network.main if name in taken]
    if not main and not network.needed:  # named after a class that it derives from
        main = [name for name in ("input_ids", "pixel_values", "input_features") if name in taken][:1]
    wanted = dict.fromkeys([*main, *network.needed])
    if getattr(network.config, "is_encoder_decoder", False) and "decoder_input_ids" in taken:
        wanted["decoder_input_ids"] = None
    # Networks that compare or join a text with an image; those that write one from both begin with the text.
    dual = _is_dual(network) or "pixel_values" in wanted
    if dual and {"input_ids", "pixel_values"} <= set(taken):
        wanted = dict.fromkeys(["input_ids", "pixel_values", *wanted])
    wanted |= dict.fromkeys(name for name in _EXPECTED if name in taken)
    return list(wanted)


def _is_dual(network: Network) -> bool:
    """Whether the network compares a text with an image (CLIP and its kin), so needs both."""
    config, architecture = network.config, network.architecture
    both = hasattr(config, "text_config") and hasattr(config, "vision_config")
    return both and "Generation" not in architecture and "ForImageClassification" not in architecture
