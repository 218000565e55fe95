"""Source: transformers' networks, `hf/MODEL_TYPE` and `hf/path/config.json`. Nothing is downloaded."""

from __future__ import annotations

import copy
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netscope.base import paths
from netscope.base.errors import MissingExtraError, SourceError, said
from netscope.base.workload import TensorSpec
from netscope.sources.common.blueprint import Blueprint, Call, Options, batched
from netscope.sources.common.construct import failed
from netscope.sources.common.installed import HEADS, huggingface_names, huggingface_types, package_folder
from netscope.sources.common.source import Source
from netscope.sources.common.wording import did_you_mean

if TYPE_CHECKING:
    from torch import nn

_PREFIX: Final = "hf/"


def accepts(name: str) -> bool:
    """Whether the name says transformers."""
    return name.startswith(_PREFIX)


def accepts_file(name: str) -> bool:
    """Whether the name says transformers, and a configuration's file or its folder."""
    short = name.removeprefix(_PREFIX)
    if not accepts(name) or not short:
        return False
    return short.endswith(".json") or paths.is_folder(paths.expanded(short))


def open_model(name: str, options: Options) -> Blueprint:
    """The network that a configuration describes, without weights; `options` change the configuration.

    A model type stands for its default configuration. The architecture is the one that the
    configuration names, else the head that the model type is mostly used with.

    Raises:
        MissingExtraError: transformers is not installed.
        SourceError: no such model type or file, or the configuration cannot be read.
    """
    if package_folder("transformers") is None:
        raise MissingExtraError(f"{name} needs transformers.", hint="pip install 'netscope[hf]'")
    short = name.removeprefix(_PREFIX)
    if accepts_file(name):
        path = paths.expanded(short)
        model_type, values = _read(path / "config.json" if paths.is_folder(path) else path)
        origin = f"from {path.name}"
    else:
        model_type, values, origin = short, {}, "default configuration"
    _check_type(name, model_type)
    with _offline():
        config = _configuration(name, model_type, {**values, **options})
        architecture = _architecture(name, config, model_type)
    return Blueprint(
        factory=partial(_build, architecture, config),
        source="hf",
        options=options,
        description=lambda module: f"{type(module).__name__}, {origin}, random weights",
        example=example,
        surroundings=_offline,
    )


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can have that name"
        raise SourceError(f"{path} could not be read: {reason}.") from error
    try:
        values = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not JSON: {said(error)}.") from error
    if not isinstance(values, dict) or not isinstance(values.get("model_type"), str):
        raise SourceError(
            f"{path} names no model_type.", hint='a configuration of transformers has "model_type": "llama"'
        )
    model_type: str = values.pop("model_type")
    return model_type, values


def _check_type(name: str, model_type: str) -> None:
    if f"{_PREFIX}{model_type}" in huggingface_types():
        return
    names = huggingface_names()
    if "/" in model_type:
        raise SourceError(
            f"{model_type!r} is no model type of transformers, and netscope downloads nothing.",
            hint="save the model's config.json and write hf/path/config.json",
        )
    raise SourceError(
        f"no model is named '{_PREFIX}{model_type}'.{did_you_mean(_PREFIX + model_type, names)}",
        hint=f"`netscope models 'hf/*'` lists all {len(names)}.",
    )


def _configuration(name: str, model_type: str, values: dict[str, Any]) -> Any:
    try:
        from transformers import AutoConfig

        config = AutoConfig.for_model(model_type, **values)
    except Exception as error:
        raise failed(f"{name} has no usable configuration", error) from error
    for part in {id(c): c for c in (config, text_config(config))}.values():
        if hasattr(part, "use_cache"):
            part.use_cache = False  # one forward leaves no cache behind
    return config


def _architecture(name: str, config: Any, model_type: str) -> str:
    """The class to build."""
    if config.architectures:
        return str(config.architectures[0])
    from transformers.models.auto import modeling_auto

    first = ("MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",)
    for table in (*(first if getattr(config, "is_encoder_decoder", False) else ()), *HEADS):
        found = getattr(modeling_auto, table, {}).get(model_type)
        if found is not None:
            return found if isinstance(found, str) else str(found[0])
    raise SourceError(
        f"transformers has no network for {name}, only a configuration.",
        hint="`netscope models 'hf/*'` has those with one; else -k \"architectures=['CLASS']\"",
    )


def _build(architecture: str, config: Any) -> nn.Module:
    import torch
    import transformers

    network_class = getattr(transformers, architecture, None)
    if network_class is None:
        raise SourceError(
            f"transformers {transformers.__version__} has no class {architecture!r}.",
            hint="name another: -k \"architectures=['BertModel']\"",
        )
    if network_class.forward is torch.nn.Module.forward:
        raise SourceError(
            f"{architecture} has no forward: only its parts are called.",
            hint="name a part, with its own configuration in a file: hf/config.json",
        )
    # A copy, since building writes to it; `_from_config` honours its dtype, as from_pretrained does.
    module: nn.Module = network_class._from_config(copy.deepcopy(config))
    return module


@contextmanager
def _offline() -> Iterator[None]:
    """Let neither transformers nor the hub's client reach the network, or chat, meanwhile.

    Some configurations fetch a pretrained backbone while they are built.
    """
    keys = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    before = {key: os.environ.get(key) for key in keys}
    os.environ.update(dict.fromkeys(keys, "1"))
    # huggingface_hub reads the variable once, when it is imported.
    constants: Any = sys.modules.get("huggingface_hub.constants")
    was_offline = None if constants is None else constants.HF_HUB_OFFLINE
    if constants is not None:
        constants.HF_HUB_OFFLINE = True
    try:
        from transformers.utils import logging

        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
        constants = sys.modules.get("huggingface_hub.constants")
        if constants is not None:
            constants.HF_HUB_OFFLINE = bool(before["HF_HUB_OFFLINE"]) if was_offline is None else was_offline


# Example inputs, from a network's configuration and the inputs that it names.

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


SOURCES: Final = (
    Source(
        title="hf",
        form="hf/MODEL_TYPE",
        description="transformers' networks by default configuration",
        accepts=lambda name: accepts(name) and not accepts_file(name),
        open=open_model,
        names=huggingface_names,
        rank=30,
    ),
    Source(
        title="hf",
        form="hf/path/config.json",
        description="transformers' networks by another configuration",
        accepts=accepts_file,
        open=open_model,
        example="hf/config.json",
        rank=31,
    ),
)
