"""open_clip: every configuration that it ships whose text tower needs nothing from a hub."""

from __future__ import annotations

from functools import partial

import open_clip

from tools.coverage.specs import Made, call, floats, ids

DISTRIBUTIONS = ("open-clip-torch",)


def _made(name: str) -> Made:
    config = open_clip.get_model_config(name)
    network = open_clip.create_model(name, pretrained=None, load_weights=False, device="meta")
    side = config["vision_cfg"].get("image_size", 224)
    sides = (side, side) if isinstance(side, int) else tuple(side)
    length = config["text_cfg"].get("context_length", 77)
    return call(network, floats(1, 3, *sides), ids(1, length))


NETWORKS = {
    name: partial(_made, name)
    for name in open_clip.list_models()
    if "hf_model_name" not in open_clip.get_model_config(name).get("text_cfg", {"hf_model_name": ""})
}
