"""Example inputs of images and videos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netscope.sources.huggingface import texts
from netscope.sources.huggingface.network import Network, number

# Side of an image for networks that take any size, and that of those that look for objects in it.
IMAGE_SIDE: Final = 224
SCENE_SIDE: Final = 640
# Frames of a video for networks that take any number.
FRAMES: Final = 16
# Regions that a detector found in an image, as those that take them were trained with.
REGIONS: Final = 36


def size(network: Network) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    vision = network.part("vision_config")
    default = SCENE_SIDE if "Detection" in network.architecture else IMAGE_SIDE
    found = getattr(vision, "image_size", None) or getattr(vision, "crop_size", None) or default
    match found:
        case {"height": int() as height, "width": int() as width}:
            pass
        case int() as height:
            width = height
        case height, width:
            pass
        case _:
            height = width = default
    channels = number(vision, "num_channels", "in_channels", "in_chans", otherwise=3)
    return channels, int(height), int(width)


def _image(network: Network) -> Any:
    vision = network.part("vision_config")
    image = size(network)
    if "KeypointMatching" in network.architecture or "LoFTR" in network.architecture:
        return network.floats(2, *image)  # the two that are matched
    if "image_attention_mask" in network.taken:
        return network.floats(1, *image)  # several images a text
    frames = getattr(vision, "num_frames", None)
    return network.floats(int(frames), *image) if frames else network.floats(*image)


def _video(network: Network) -> Any:
    vision = network.part("vision_config", "video_config", "audio_video_config")
    frames = number(vision, "num_frames", "frames_per_clip", otherwise=FRAMES)
    return network.floats(frames, *size(network))


def _image_mask(network: Network) -> Any:
    """Where the text has what is made of the image."""
    return network.filled(0, texts.length(network))


def _attended(network: Network) -> Any:
    """Which tokens see which image."""
    return network.filled(1, texts.length(network), 1)


def _regions(network: Network) -> Any:
    return network.floats(REGIONS, number(network.config, "visual_feat_dim", otherwise=2048))


def _region_boxes(network: Network) -> Any:
    return network.floats(REGIONS, number(network.config, "visual_pos_dim", otherwise=4))


def _same_image(network: Network) -> Any:
    return network.floats(*size(network))


SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    "pixel_values": _image,
    "pixel_values_videos": _video,
    "image_embeds_position_mask": _image_mask,
    "image_attention_mask": _attended,
    "visual_feats": _regions,
    "visual_pos": _region_boxes,
    "prompt_pixel_values": _same_image,
    "prompt_masks": _same_image,
}
