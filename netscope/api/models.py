"""`netscope.models`: what can be named, and how a name is completed."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from netscope.api.reading import LISTED
from netscope.base import arguments
from netscope.base.errors import SourceError
from netscope.sources import SOURCES

if TYPE_CHECKING:
    from netscope.answers.models import Catalog


def models(pattern: str | None = None) -> Catalog:
    """List the models that can be named: `netscope.models("resnet").names`.

    Nothing is imported for it, neither torch nor a library of networks.

    Args:
        pattern: a part of a name ("resnet"), or a glob that matches a whole name or what follows its prefix
            ("timm/vit_*", "*alexnet"). All models without it.

    Returns:
        a frozen Catalog, netscope's own zoo first.

    Raises:
        SourceError: no name is like that; the message has the nearest.
    """
    from netscope.answers.models import Catalog, Listed

    if pattern is not None:
        arguments.text("pattern", pattern, 'write pattern="resnet"')
    everything = [
        Listed(name, source.title, source.form, source.describe(name))
        for source in SOURCES
        for name in source.names()
    ]
    found = [model for model in everything if pattern is None or _matches(model.name, pattern)]
    if not found:
        from netscope.sources.common.wording import did_you_mean

        names = [model.name for model in everything]
        raise SourceError(
            f"no model's name has {pattern!r} in it.{did_you_mean(str(pattern).strip('*'), names)}",
            hint=f"`netscope models` lists all {len(names):,}.",
        )
    return Catalog(tuple(found), tuple(form.form for form in LISTED if not form.listed))


def completions(incomplete: str) -> Iterator[str]:
    """Names that start with what has been typed; of libraries once their prefix is typed."""
    for form in LISTED:
        if not incomplete.startswith(form.prefix):
            if form.listed and form.prefix.startswith(incomplete):
                yield form.prefix
            continue
        yield from (name for name in form.names() if name.startswith(incomplete))


def how_to_name() -> str:
    """Every way to name a model, in a line for help texts."""
    *ways, last = [form.example or form.form for form in LISTED]
    return f"{', '.join(ways)} or {last}"


def _matches(name: str, pattern: str) -> bool:
    """A glob matches a whole name or what follows its prefix; any other text matches as a part."""
    name, pattern = name.lower(), pattern.lower()
    if any(sign in pattern for sign in "*?["):
        return fnmatchcase(name, pattern) or fnmatchcase(name.partition("/")[2], pattern)
    return pattern in name
