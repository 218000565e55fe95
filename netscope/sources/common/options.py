"""-k key=value: what feeds a factory or a configuration."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from netscope.base.errors import UsageError
from netscope.sources.common.blueprint import Options
from netscope.sources.common.wording import did_you_mean


def parse_options(texts: Iterable[str]) -> Options:
    """Read `key=value` pairs. A value is a Python literal where it reads as one, else a string.

    Raises:
        UsageError: a text has no "=", or its key is no name.
    """
    options: Options = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"cannot read the option {text!r}.", hint="write -k num_classes=10")
        options[key] = _literal(value)
    return options


def check_options(
    name: str, factory: Callable[..., Any], options: Options
) -> Mapping[str, inspect.Parameter]:
    """Refuse options that `factory` does not take, or that leave a required one out.

    Returns:
        what it takes, by name; nothing for one that Python cannot look into.

    Raises:
        UsageError: naming the option, and the nearest right one.
    """
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # built in C: the call itself will tell
        return {}
    known = signature.parameters.values()
    names = [p.name for p in known if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if not any(p.kind is p.VAR_KEYWORD for p in known):
        for key in options:
            if key not in names:
                takes = f"it takes {', '.join(names)}" if names else "it takes none"
                raise UsageError(f"{name} has no option {key!r}.{did_you_mean(key, names)}", hint=takes)
    for parameter in known:
        variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if not variadic and parameter.default is parameter.empty and parameter.name not in options:
            raise UsageError(
                f"{name} needs a value for {parameter.name!r}.", hint=f"give -k {parameter.name}=..."
            )
    return signature.parameters


def refuse_weights(name: str, options: Options, keys: Iterable[str]) -> None:
    """Refuse options that would download weights.

    Raises:
        UsageError: one of `keys` is asked for.
    """
    for key in keys:
        if options.get(key):
            raise UsageError(
                f"netscope builds {name} without its weights and never downloads any.",
                hint=f"leave out -k {key}",
            )
        options.pop(key, None)


# As people write them on a command line; a factory would take the text "false" for true.
_WORDS: Final = {"true": True, "false": False, "none": None, "null": None}


def _literal(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
