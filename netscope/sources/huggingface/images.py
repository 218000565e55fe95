"""Example inputs of images and videos."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from netscope.sources.huggingface import sounds, texts
from netscope.sources.huggingface.network import IMAGE_SIDE, Network, number

# Side of an image for networks that look for objects in it.
SCENE_SIDE: Final = 640
# Frames of a video for networks that take any number.
FRAMES: Final = 16
# Regions that a detector found in an image, as those that take them were trained with.
REGIONS: Final = 36


def size(network: Network) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    vision = network.part("vision_config")
    default = SCENE_SIDE if "Detection" in network.architecture else IMAGE_SIDE
    places = (
        vision,
        getattr(vision, "backbone_config", None),
        getattr(network.config, "prompt_encoder_config", None),
    )
    sizes = (
        getattr(place, name, None)
        for place in places[: 1 if default == SCENE_SIDE else 3]
        for name in ("image_size", "crop_size", "max_img_size")
    )
    found: Any = next(filter(None, sizes), None) or _fixed(network) or default
    match found:
        case {"height": int() as height, "width": int() as width}:
            pass
        case int() as height:
            width = height
        case height, width:
            pass
        case _:
            height = width = default
    ratios = getattr(vision, "scaled_images_ratios", None)
    if ratios:  # the smallest copy of it has a whole patch
        height = width = int(vision.patch_size / min(ratios))
    backbone = getattr(vision, "backbone_config", None)
    windows, patch = getattr(backbone, "num_windows", None), getattr(backbone, "patch_size", None)
    if isinstance(windows, int) and isinstance(patch, int):
        height, width = (side // (windows * patch) * windows * patch for side in (height, width))
    if "prompt_masks" in network.taken:  # stands below the image that shows what to do
        height //= 2
    channels = number(vision, "num_channels", "in_channels", "in_chans", otherwise=3)
    return channels, int(height), int(width)


def _fixed(network: Network) -> Any:
    """The size that a network of timm's was made for."""
    for layer in network.module.modules():
        made_for = getattr(layer, "img_size", None)
        if isinstance(made_for, (tuple, list)) and type(layer).__module__.startswith("timm."):
            return tuple(made_for)
    return None


def _image(network: Network) -> Any:
    vision = network.part("vision_config")
    image = size(network)
    taken = network.taken
    if "KeypointMatching" in network.architecture or "LoFTR" in network.architecture:
        return network.floats(2, *image)  # the two that are matched
    if (
        "image_attention_mask" in taken
        or "state" in taken
        or {"pixel_attention_mask", "image_hidden_states"} <= set(taken)
    ):
        return network.floats(1, *image)  # several images a text
    if getattr(network.config, "video_token_index", None) and "image_token_index" not in vars(network.config):
        return network.floats(4, *image)  # the frames that InstructBLIP looks at
    frames = getattr(vision, "num_frames", None)
    return network.floats(int(frames), *image) if frames else network.floats(*image)


def _frames(network: Network) -> int:
    """Frames of a video."""
    vision = network.part("vision_config", "video_config", "audio_video_config")
    frames = number(vision, "num_frames", "frames_per_clip", otherwise=FRAMES)
    if "input_values" in network.taken:  # one for each code of the sound
        frames = sounds.codes(network) or frames
    return frames


def _video(network: Network) -> Any:
    return network.floats(_frames(network), *size(network))


def _not_padding(network: Network) -> Any:
    return network.filled(True, _frames(network))


def _image_mask(network: Network) -> Any:
    """Where the text has what is made of the image."""
    mask = torch.zeros(network.batch, texts.length(network), dtype=torch.int64)
    mask[:, : number(network.config, "latent_query_num", otherwise=0)] = 1
    return mask


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
    "padding_mask_videos": _not_padding,
    "image_embeds_position_mask": _image_mask,
    "image_attention_mask": _attended,
    "visual_feats": _regions,
    "visual_pos": _region_boxes,
    "prompt_pixel_values": _same_image,
    "prompt_masks": _same_image,
}
