"""A configuration that somebody saved: config.json, in all the ways in which they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from netscope.base import paths
from netscope.base.errors import SourceError, said
from netscope.sources.common.installed import huggingface_architectures, huggingface_types

# What says how weights are stored or where they came from, and nothing about the network.
_OF_WEIGHTS: Final = ("_name_or_path", "transformers_version", "_commit_hash", "quantization_config")


class Saved(NamedTuple):
    """What a file says.

    file:
        the file's name.
    ignored:
        what it says that is left out of account, for the header.
    """

    model_type: str
    values: dict[str, Any]
    file: str = ""
    ignored: tuple[str, ...] = ()


def read(path: Path) -> Saved:
    """The configuration in a file, or in the config.json of a folder.

    Raises:
        SourceError: it cannot be read, or is of no network that transformers has.
    """
    if paths.is_folder(path):
        path = path / "config.json"
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no file can have that name"
        raise SourceError(f"{path} could not be read: {reason}.") from error
    try:
        values = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not JSON: {said(error)}.") from error
    if not isinstance(values, dict):
        raise SourceError(
            f"{path} names no model_type.", hint='a configuration of transformers has "model_type": "llama"'
        )
    model_type = _model_type(path, values)
    ignored = []
    quantization = values.get("quantization_config")
    if isinstance(quantization, dict):
        ignored.append(f"{quantization.get('quant_method') or 'its'} quantization ignored")
    values = {key: value for key, value in values.items() if key not in (*_OF_WEIGHTS, "model_type")}
    return Saved(model_type, values, path.name, tuple(ignored))


def _model_type(path: Path, values: dict[str, Any]) -> str:
    """What the file says, or what its architecture is of.

    Files of before 2020 have no model_type; those with code of their own have one that transformers does not
    know.
    """
    said_type = values.get("model_type")
    named = values.get("architectures")
    architectures = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    known = isinstance(said_type, str) and f"hf/{said_type}" in huggingface_types()
    if known:
        return str(said_type)
    found = huggingface_architectures()
    for architecture in architectures:
        if architecture in found and not (said_type and values.get("auto_map")):
            return found[architecture]
    code = values.get("auto_map")
    if isinstance(code, dict) and code:
        file = next((str(v).split("--")[-1].split(".")[0] for v in code.values() if isinstance(v, str)), "")
        raise SourceError(
            f"{path} is of a network with code of its own{f' ({file}.py)' if file else ''}, "
            f"and transformers has no {said_type!r}.",
            hint="name a factory in that code: netscope summary path/file.py:factory",
        )
    if isinstance(said_type, str) and said_type:
        return said_type
    raise SourceError(
        f"{path} names no model_type"
        + (f", and {architectures[0]} is no architecture of transformers." if architectures else "."),
        hint='a configuration of transformers has "model_type": "llama"',
    )
