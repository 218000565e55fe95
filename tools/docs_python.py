"""The reference of netscope's Python, from its docstrings: `docs/reference/python/`.

What is public is what `netscope.__all__` and `netscope.testing.__all__` name, the classes that those
functions return, and the classes that their fields hold. A docstring has sections as in the rest of the code:
"Args:", "Returns:", "Raises:" of a function, "name:" and an indented text for a field. Whatever is public has
to have one, and each parameter its text; else the build stops. A field that a column is named after means
what the column says.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from netscope import api
from netscope.base.answer import Answer
from tools.docs import table

_SECTION: Final = re.compile(r"^(Args|Returns|Raises|Yields):$", re.MULTILINE)
_ENTRY: Final = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \w+)*)(?: and the like)?:(?: (?P<rest>.*))?$")
# Classes on the way to a figure, which have a page of their own or are nobody's business.
_FLOORS: Final = (
    "netscope.report.",
    "netscope.answers.",
    "netscope.base.cost",
    "netscope.machine.profiling.curve",
)


def python_pages() -> dict[str, str]:
    """The pages, by the name of their file.

    Raises:
        LookupError: something public is not documented.
    """
    import netscope
    from netscope import testing

    public = [getattr(netscope, name) for name in netscope.__all__ if not name.startswith("_")]
    named = [one for one in public if inspect.isfunction(one)]
    functions: list[Callable[..., Any]] = list(dict.fromkeys([*named, *_verbs()]))
    errors = [one for one in public if inspect.isclass(one) and issubclass(one, Exception)]
    given = [one for one in public if inspect.isclass(one) and one not in errors]
    asserts = [getattr(testing, name) for name in testing.__all__]
    from netscope.pytest_plugin import Netscope

    returned: list[type] = [one for one in map(_returned, functions) if one is not None]
    answers: list[type] = list(dict.fromkeys([Answer, *given, *returned]))
    blocks = [_class(one) for one in errors]
    return {
        "functions.md": _page(
            "Functions", "`import netscope`, then:", [_function(f, "netscope.") for f in functions]
        ),
        "classes.md": _page(
            "Classes",
            "What the functions take and return. Figures are in raw base units: elements, operations, bytes, "
            "seconds. What is not known is None.",
            [_class(one) for one in answers],
        ),
        "parts.md": _page(
            "Parts",
            "What the [classes](classes.md) hold.",
            [_class(one) for one in _closure(answers)[len(answers) :]],
        ),
        "errors.md": _page("Errors", "[How they are related](../exit-codes.md).", blocks),
        "testing.md": _page(
            "Testing",
            "`from netscope.testing import ...`, and the pytest fixture `netscope`.",
            [*(_function(f, "") for f in asserts), _class(Netscope, "The fixture `netscope`", "netscope")],
        ),
    }


def _verbs() -> Iterator[Callable[..., Any]]:
    """The functions that are found by being in a file of their name."""
    for module in iter_modules(api.__path__):
        found = getattr(import_module(f"{api.__name__}.{module.name}"), module.name, None)
        if inspect.isfunction(found):
            yield found


def _page(title: str, intro: str, blocks: list[str]) -> str:
    return f"# {title}\n\n{intro}\n\n" + "\n".join(blocks)


# Functions


def _function(function: Callable[..., Any], prefix: str, level: int = 2) -> str:
    name = f"{prefix}{function.__name__}"
    text = _docstring(function, name)
    _every_parameter_is_told_of(function, name, text)
    return f"{'#' * level} `{name}`\n\n{_signature(function, name)}\n{_prose(text)}\n"


def _signature(function: Callable[..., Any], name: str) -> str:
    """The call as a code block: one line, or a parameter a line."""
    signature = inspect.signature(function)
    kept = [
        p.replace(annotation=inspect.Parameter.empty) if p.annotation == "Any" else p
        for p in signature.parameters.values()
        if p.name != "self"
    ]
    signature = signature.replace(parameters=kept)
    line = f"{name}{_unquoted(str(signature))}"
    if len(line) > 90:
        parts, end = [], _unquoted(str(signature.replace(parameters=[]))).removeprefix("()")
        keyword = False
        for p in kept:
            if p.kind is p.KEYWORD_ONLY and not keyword and not any(k.kind is k.VAR_POSITIONAL for k in kept):
                parts.append("*")
            keyword = keyword or p.kind is p.KEYWORD_ONLY
            parts.append(_unquoted(str(p)))
        line = f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){end}"
    return f"```python\n{line}\n```\n"


def _unquoted(text: str) -> str:
    """Annotations are text, and are shown in quotes."""
    return re.sub(r"(: |-> )'([^']*(?:'[^',)]*'[^',)]*)*)'(?=[,)]|$| =)", r"\1\2", text)


def _every_parameter_is_told_of(function: Callable[..., Any], name: str, text: str) -> None:
    parameters = [p for p in inspect.signature(function).parameters if p != "self"]
    if "Args:" not in text and len(parameters) < 4:
        return  # so few that the sentence says it
    told = {name for _, names in _entries(_sections(text).get("Args", "")) for name in names}
    missing = {
        p for p in parameters if p not in told and p.removesuffix("_b") not in told
    }  # of a second network
    if missing:
        raise LookupError(f"{name}: the docstring says nothing of {', '.join(sorted(missing))}")


# Classes


def _class(one: type, title: str = "", prefix: str = "") -> str:
    text = _docstring(one, one.__name__)
    said = dict(_each_name(_entries(text)))
    rows = [(name, kind, said.pop(name, "") or _column(one, name)) for name, kind in _fields(one)]
    rows += [(name, kind, said.pop(name, text)) for name, kind, text in _properties(one)]
    rows += [(name, "", rest) for name, rest in said.items()]
    blocks = [f"## {title or f'`{one.__name__}`'}", _prose(_without_entries(text))]
    if issubclass(one, Answer) and one is not Answer:
        blocks.append("It has what every [answer](classes.md#answer) has.")
    if rows:
        shown = [
            (f"`{name}`", what, f"`{kind.replace(' | ', ' or ')}`" if kind else "")
            for name, kind, what in rows
        ]
        blocks.append(table(("attribute", "", "type"), shown))
    for method in _methods(one):
        name = f"{prefix or one.__name__}.{method.__name__}"
        blocks += [f"### `{name}`", _signature(method, method.__name__), _prose(_docstring(method, name))]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def _column(one: type, name: str) -> str:
    from netscope.show.columns import BY_KEY

    return BY_KEY[name].help if one.__name__ == "Layer" and name in BY_KEY else ""


def _each_name(entries: list[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, str]]:
    for said, names in entries:
        yield from ((name, said[:1].upper() + said[1:]) for name in names)


def _without_entries(text: str) -> str:
    """The docstring's prose: what is no field and not what is said of one."""
    kept: list[str] = []
    within = False
    for line in text.splitlines():
        within = bool(_ENTRY.match(line)) or (within and (line.startswith("    ") or not line))
        if not within:
            kept.append(line)
    return "\n".join(kept)


def _fields(one: type) -> Iterator[tuple[str, str]]:
    if dataclasses.is_dataclass(one):
        yield from (
            (f.name, str(f.type)) for f in dataclasses.fields(one) if not f.name.startswith("_") and f.repr
        )
    elif issubclass(one, tuple):
        # A named tuple's are kept as references, to be resolved.
        written = {name: getattr(kind, "__forward_arg__", kind) for name, kind in one.__annotations__.items()}
        yield from ((name, str(written[name])) for name in getattr(one, "_fields", ()))


def _own(one: type) -> Iterator[tuple[str, Any]]:
    """Public members that netscope defines, the class's own first. What all answers have is told once."""
    seen = set()
    for kind in one.__mro__:
        if kind.__module__.startswith("netscope") and (kind is one or kind is not Answer):
            for name, member in vars(kind).items():
                if not name.startswith("_") and name not in seen:
                    seen.add(name)
                    yield name, member


def _properties(one: type) -> list[tuple[str, str, str]]:
    found = []
    for name, member in _own(one):
        getter = member.fget if isinstance(member, property) else getattr(member, "func", None)
        if isinstance(member, (property, cached_property)) and getter is not None:
            said = " ".join(_docstring(getter, f"{one.__name__}.{name}").split("\n\n")[0].split())
            found.append((name, str(getter.__annotations__.get("return", "")), said))
    return found


def _methods(one: type) -> list[Callable[..., Any]]:
    return [member for _, member in _own(one) if inspect.isfunction(member)]


# Which classes


def _closure(classes: list[type]) -> list[type]:
    """These, and those that their fields and properties hold, each once."""
    found = list(dict.fromkeys(classes))
    for one in found:
        kinds = [kind for _, kind in _fields(one)] + [kind for _, kind, _ in _properties(one)]
        for word in re.findall(r"\w+", " ".join(kinds)):
            other = _named(one.__module__, word)
            if inspect.isclass(other) and other.__module__.startswith(_FLOORS) and other not in found:
                found.append(other)
    return found


def _returned(function: Callable[..., Any]) -> type | None:
    """The class of netscope that a function returns; None for another."""
    one = _named(function.__module__, str(function.__annotations__.get("return", "")).rpartition("| ")[2])
    return one if inspect.isclass(one) and one.__module__.startswith("netscope") else None


def _named(module: str, name: str) -> Any:
    """What a name stands for in a module, also one that is imported for type checkers only."""
    known = getattr(sys.modules[module], name, None)
    home = _typing_imports(module).get(name)
    return known if known is not None or home is None else getattr(import_module(home), name, None)


@cache
def _typing_imports(module: str) -> dict[str, str]:
    source = inspect.getsource(sys.modules[module])
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module]
    return {
        alias.name: str(node.module)
        for node in nodes
        for alias in node.names
        if str(node.module).startswith("netscope")
    }


# Docstrings


def _docstring(one: Any, name: str) -> str:
    text = inspect.getdoc(one)
    if not text or text.startswith(
        f"{getattr(one, '__name__', '')}("
    ):  # a dataclass without one says its call
        raise LookupError(f"{name} has no docstring")
    return text.strip()


def _sections(text: str) -> dict[str, str]:
    """{"": the prose, "Args": ...}, each without its indentation."""
    parts = _SECTION.split(text)
    return {"": parts[0]} | {
        name: textwrap.dedent(body).strip("\n") for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _entries(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """("name, name: text", the names) of each entry that starts at the margin."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for line in text.splitlines():
        if match := _ENTRY.match(line):
            names = tuple(part.strip().lstrip("*") for part in match["names"].split(","))
            found.append((match["rest"] or "", names))
        elif found and line.startswith("    "):
            said, names = found[-1]
            found[-1] = (f"{said} {line.strip()}".strip(), names)
    return found


def _prose(text: str) -> str:
    """A docstring as Markdown."""
    sections = _sections(text)
    blocks = [_fenced(sections.pop(""))]
    for name, body in sections.items():
        entries = _entries(body)
        if name == "Returns" or not entries:
            blocks.append(f"**{name}** {' '.join(body.split())}")
        else:
            items = [f"- {', '.join(f'`{n}`' for n in names)}: {said}" for said, names in entries]
            blocks.append(f"**{name}**\n\n" + "\n".join(items))
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def _fenced(text: str) -> str:
    """Indented examples as fences; what is indented below a list's item belongs to it and is left alone."""
    out: list[str] = []
    code: list[str] = []
    for line in [*text.splitlines(), ""]:
        inside = line.startswith("    ") and (bool(code) or not out or not out[-1].strip())
        if inside:
            code.append(line[4:])
            continue
        if code:
            out += ["```python", *code, "```"]
            code = []
        out.append(line)
    return "\n".join(out)
