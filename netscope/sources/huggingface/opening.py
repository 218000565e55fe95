"""A name, or a configuration's file -> a network, built of it or of the nearest one that works."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netscope.base.errors import MissingExtraError, SourceError
from netscope.sources.common.blueprint import Blueprint, Call, Options
from netscope.sources.common.construct import failed
from netscope.sources.common.installed import (
    huggingface_names,
    huggingface_types,
    package_folder,
    without_call,
)
from netscope.sources.common.wording import did_you_mean
from netscope.sources.huggingface import PREFIX
from netscope.sources.huggingface.architecture import network_class
from netscope.sources.huggingface.files import Saved, read
from netscope.sources.huggingface.offline import offline

if TYPE_CHECKING:
    from torch import nn

    from netscope.sources.huggingface.repair import Change


def open_named(name: str, model_type: str, options: Options) -> Blueprint:
    """The network of a model type's default configuration, with `options` in it.

    Raises:
        MissingExtraError: transformers is not installed.
        SourceError: no such model type, or it cannot be built.
    """
    _check_installed(name)
    _check_type(name, model_type)
    without = without_call(model_type)
    if without is not None and "architectures" not in options:
        reason, package = without
        hint = (
            f"pip install {package}" if package else "name a part of it, with -k \"architectures=['CLASS']\""
        )
        raise SourceError(f"{name} has no call to trace: {reason}.", hint=hint)
    return _blueprint(name, Saved(model_type, {}), options, "default configuration")


def open_file(name: str, path: Path, options: Options) -> Blueprint:
    """The network of a configuration that somebody saved, with `options` in it.

    Raises:
        MissingExtraError: transformers is not installed.
        SourceError: the file cannot be read, or transformers has no such network.
    """
    _check_installed(name)
    saved = read(path)
    _check_type(name, saved.model_type)
    return _blueprint(name, saved, options, f"from {saved.file}")


def _check_installed(name: str) -> None:
    if package_folder("transformers") is None:
        raise MissingExtraError(f"{name} needs transformers.", hint="pip install 'netscope[hf]'")


def _check_type(name: str, model_type: str) -> None:
    if f"{PREFIX}{model_type}" in huggingface_types():
        return
    names = huggingface_names()
    if "/" in model_type:
        raise SourceError(
            f"{model_type!r} is no model type of transformers, and netscope downloads nothing.",
            hint="save the model's config.json and write hf/path/config.json",
        )
    raise SourceError(
        f"no model is named '{PREFIX}{model_type}'.{did_you_mean(PREFIX + model_type, names)}",
        hint=f"`netscope models 'hf/*'` lists all {len(names)}.",
    )


def _blueprint(name: str, saved: Saved, options: Options, origin: str) -> Blueprint:
    given = {**saved.values, **options}
    with offline():
        config = _configuration(name, saved.model_type, given)
        network = network_class(name, config, saved.model_type)
    builder = Builder(network, config, given)
    return Blueprint(
        factory=builder,
        source="hf",
        options=options,
        description=lambda module: "; ".join(
            [f"{type(module).__name__}, {origin}, random weights", *saved.ignored, *map(str, builder.changes)]
        ),
        example=_example,
        surroundings=offline,
    )


def _configuration(name: str, model_type: str, given: dict[str, Any]) -> Any:
    from netscope.sources.huggingface.repair import parts

    try:
        from transformers import AutoConfig

        config = AutoConfig.for_model(model_type, **copy.deepcopy(given))
    except Exception as error:
        raise failed(f"{name} has no usable configuration", error) from error
    for part in parts(config).values():
        if hasattr(part, "use_cache"):
            part.use_cache = False  # one forward leaves no cache behind
    return config


class Builder:
    """Builds a network of a configuration, which is changed where it contradicts itself.

    changes:
        what was changed, known once it was built.
    """

    def __init__(self, network: Any, config: Any, given: dict[str, Any]) -> None:
        self._network = network
        self._config = config
        self._given = given
        self._built = False
        self.changes: list[Change] = []

    def __call__(self) -> nn.Module:
        """The network.

        Raises:
            Exception: whatever its constructor does over what could not be mended.
        """
        from netscope.sources.huggingface import repair

        if self._built:
            return self._attempt(copy.deepcopy(self._config))
        self.changes = []
        while True:
            self.changes += repair.declare(self._config, self._given)
            attempt = copy.deepcopy(self._config)
            try:
                module = self._attempt(attempt)
                changed = repair.seen(module, self._config, self._given)
            except Exception as error:
                changed = repair.mend(self._config, attempt, self._given, error)
                if not changed:
                    raise
            else:
                if not changed:
                    self._built = True
                    return module
            self.changes += changed

    def _attempt(self, config: Any) -> nn.Module:
        # Of a copy, since building writes to it; `_from_config` honours its dtype, as from_pretrained does.
        module: nn.Module = self._network._from_config(config)
        return module


def _example(module: nn.Module, batch: int) -> Call | None:
    from netscope.sources.huggingface.examples import example

    return example(module, batch)
