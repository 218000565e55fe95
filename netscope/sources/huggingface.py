"""Source: transformers' networks, `hf/MODEL_TYPE` and `hf/path/config.json`. Nothing is downloaded."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netscope.base.errors import MissingExtraError, SourceError
from netscope.sources.blueprint import Blueprint, Options
from netscope.sources.construct import failed
from netscope.sources.huggingface_inputs import example, text_config
from netscope.sources.installed import HEADS, huggingface_names, huggingface_types, package_folder
from netscope.sources.wording import did_you_mean

if TYPE_CHECKING:
    from torch import nn

_PREFIX: Final = "hf/"


def accepts(name: str) -> bool:
    """Whether the name says transformers."""
    return name.startswith(_PREFIX)


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
    path = Path(short).expanduser()
    if short and (short.endswith(".json") or path.is_dir()):
        model_type, values = _read(path / "config.json" if path.is_dir() else path)
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
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"{path} could not be read: {error.strerror}.") from error
    except ValueError as error:
        raise SourceError(f"{path} is not JSON: {error}.") from error
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
