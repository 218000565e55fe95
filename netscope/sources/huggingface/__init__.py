"""Source: transformers' networks, `hf/MODEL_TYPE` and `hf/path/config.json`. Nothing is downloaded.

`opening` finds the network of a name, `files` reads a configuration that somebody saved, `architecture`
says which class is built of it, `repair` makes a configuration consistent that is not, and `examples` has
what its forward takes. Importing this package imports none of them.
"""

from __future__ import annotations

from typing import Final

from netscope.base import paths
from netscope.sources.common.blueprint import Blueprint, Options
from netscope.sources.common.installed import huggingface_names
from netscope.sources.common.source import Source

PREFIX: Final = "hf/"


def accepts(name: str) -> bool:
    """Whether the name says transformers."""
    return name.startswith(PREFIX)


def accepts_file(name: str) -> bool:
    """Whether the name says transformers, and a configuration's file or its folder."""
    short = name.removeprefix(PREFIX)
    if not accepts(name) or not short:
        return False
    return short.endswith(".json") or paths.is_folder(paths.expanded(short))


def open_model(name: str, options: Options) -> Blueprint:
    """The network that a configuration describes, without weights; `options` change the configuration.

    Raises:
        as `opening.open_named` and `opening.open_file` do.
    """
    from netscope.sources.huggingface import opening

    short = name.removeprefix(PREFIX)
    if accepts_file(name):
        return opening.open_file(name, paths.expanded(short), options)
    return opening.open_named(name, short, options)


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
