"""Example inputs of transformers' networks, from their configuration and the inputs they name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from netscope.base.workload import TensorSpec
from netscope.sources.blueprint import Call, batched

if TYPE_CHECKING:
    from torch import nn

# Tokens of a text, unless the network holds fewer.
TOKENS: Final = 128
# Side of an image for networks that take any size, and that of those that look for objects in it.
IMAGE_SIDE: Final = 224
SCENE_SIDE: Final = 640
# Samples of a sound: one second at the usual 16 kHz.
SAMPLES: Final = 16_000


_GATHERING: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def example(module: nn.Module, batch: int) -> Call | None:
    """A call with the network's main input, and the others that it cannot do without."""
    network: Any = module
    config = network.config
    taken = inspect.signature(module.forward).parameters
    needed = [name for name, p in taken.items() if p.default is p.empty and p.kind not in _GATHERING]
    wanted = dict.fromkeys([network.main_input_name, *needed])
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in taken:
        wanted["decoder_input_ids"] = None
    # Networks that compare or join a text with an image; those that write one from both begin with the text.
    dual = _is_dual(config, type(module).__name__) or "pixel_values" in wanted
    if dual and {"input_ids", "pixel_values"} <= set(taken):
        wanted = dict.fromkeys(["input_ids", "pixel_values", *wanted])
    if not all(name in _SAMPLES for name in wanted):
        return None
    floating = next((str(p.dtype) for p in module.parameters() if p.is_floating_point()), "float32")
    kwargs: dict[str, Any] = {}
    for name in wanted:
        shape = _SAMPLES[name](config, type(module).__name__)
        dtype = "int64" if name.endswith("_ids") else floating.removeprefix("torch.")
        kwargs[name] = TensorSpec(batched(shape, batch), dtype)
    return Call((), kwargs)


def text_config(config: Any) -> Any:
    """The part of a configuration that is for text; the whole where there are several."""
    try:
        return config.get_text_config()
    except ValueError:
        return config


def _is_dual(config: Any, architecture: str) -> bool:
    """Whether the network compares a text with an image (CLIP and its kin), so needs both."""
    both = hasattr(config, "text_config") and hasattr(config, "vision_config")
    return both and "Generation" not in architecture and "ForImageClassification" not in architecture


def _tokens(config: Any, architecture: str) -> tuple[int, ...]:
    text = text_config(config)
    limits = (getattr(text, name, None) for name in ("max_position_embeddings", "n_positions", "max_seq_len"))
    return (min([TOKENS, *(limit for limit in limits if isinstance(limit, int) and limit > 0)]),)


def _decoder_tokens(config: Any, architecture: str) -> tuple[int, ...]:
    limit = getattr(config, "max_target_positions", None)
    return (min(*_tokens(config, architecture), limit or TOKENS),)


def _image(config: Any, architecture: str) -> tuple[int, ...]:
    vision = getattr(config, "vision_config", None) or config
    default = SCENE_SIDE if "Detection" in architecture else IMAGE_SIDE
    match getattr(vision, "image_size", None) or default:
        case {"height": int() as height, "width": int() as width}:
            pass
        case int() as height:
            width = height
        case height, width:
            pass
        case _:
            height = width = default
    image = (int(getattr(vision, "num_channels", None) or 3), int(height), int(width))
    frames = getattr(vision, "num_frames", None)
    return (int(frames), *image) if frames else image


def _spectrogram(config: Any, architecture: str) -> tuple[int, ...]:
    if hasattr(config, "max_source_positions") and hasattr(config, "num_mel_bins"):
        return (config.num_mel_bins, 2 * config.max_source_positions)  # whisper halves it in time
    bands = getattr(config, "feature_size", None) or getattr(config, "num_mel_bins", None) or 80
    return (SAMPLES // 160, bands)


def _sound(config: Any, architecture: str) -> tuple[int, ...]:
    if hasattr(config, "max_length") and hasattr(config, "num_mel_bins") and hasattr(config, "patch_size"):
        return (config.max_length, config.num_mel_bins)  # the audio spectrogram transformer
    if hasattr(config, "codebook_size") and hasattr(config, "sampling_rate"):
        return (int(getattr(config, "audio_channels", 1)), SAMPLES)  # codecs take channels
    return (SAMPLES,)


# Shape of one sample of each input that networks name.
_SAMPLES: Final[dict[str, Callable[[Any, str], tuple[int, ...]]]] = {
    "input_ids": _tokens,
    "decoder_input_ids": _decoder_tokens,
    "pixel_values": _image,
    "input_features": _spectrogram,
    "input_values": _sound,
}
