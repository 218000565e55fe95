"""What pyproject.toml says of a project's networks, under [tool.netscope.models].

    [tool.netscope.models.detector]
    model = "nets.py:Detector"          # the entry's own name without it
    input = "3x640x640"                 # or a list; the model's own example without it
    batch = 1
    dtype = "bfloat16"
    train = false
    options = { classes = 80 }          # keyword arguments of the factory
    mesh = "dp=32,tp=8"                 # that the factory divides its network on; limits hold for all ranks
    rank = 0                            # for this one alone; or "all", as without it
    max = { params = "40M", macs = "<=90G", "head:params" = "1M" }
    expect = { weight_layers = 61 }     # exact values
    shapes = { head = ["N", 80, 80, 80], "" = [-1, "...", 85] }
    against = "main.json"
    fail-if = ["macs>+5%", "head:changed"]

Paths are seen from the folder of pyproject.toml.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from netscope.answers.check.limit import Sign, parse_change, parse_named
from netscope.answers.check.result import Requirement
from netscope.answers.check.shapes import Returns
from netscope.base.errors import UsageError
from netscope.base.mesh import Mesh, parse_mesh

FILE: Final = "pyproject.toml"
_MODELS: Final = "tool.netscope.models"


@dataclass(frozen=True, slots=True)
class Target:
    """One network to check: how it is traced, and what is required of it."""

    name: str
    model: str
    input: tuple[str, ...] = ()
    batch: int | None = None
    dtype: str | None = None
    train: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    against: str | None = None
    requirements: tuple[Requirement, ...] = ()
    mesh: Mesh | None = None
    rank: int | str | None = None


@dataclass(frozen=True)
class Project:
    """The networks of a pyproject.toml, in its order."""

    path: Path
    entries: tuple[Target, ...]

    @property
    def folder(self) -> Path:
        """What the file's paths are seen from."""
        return self.path.parent

    def __getitem__(self, name: str) -> Target:
        """The entry of that name.

        Raises:
            KeyError: there is none.
        """
        return {entry.name: entry for entry in self.entries}[name]

    def __contains__(self, name: object) -> bool:
        return any(entry.name == name for entry in self.entries)


def nearest(start: Path) -> Project | None:
    """That of the first pyproject.toml, from this folder upwards, that has a [tool.netscope].

    Raises:
        UsageError: it cannot be read, or says something that means nothing; file and key are named.
    """
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file():
            project = read(path)
            if project is not None:
                return project
    return None


def read(path: Path) -> Project | None:
    """The networks of a pyproject.toml; None when it has no [tool.netscope].

    Raises:
        UsageError: as `nearest` does.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {os.path.relpath(path)}: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(
            f"{os.path.relpath(path)}: this is not TOML: {' '.join(str(error).split())}."
        ) from None
    tool = _table(data.get("tool", {}), _Position(path, "tool"))
    if "netscope" not in tool:
        return None
    place = _Position(path, "tool.netscope")
    models = _known(tool["netscope"], place, ("models",)).get("models", {})
    entries = _table(models, place.at("models"))
    return Project(
        path, tuple(_entry(name, raw, place.at("models").at(name)) for name, raw in entries.items())
    )


@dataclass(frozen=True, slots=True)
class _Position:
    """Where in the file something stands, for messages."""

    path: Path
    key: str

    def at(self, key: str) -> _Position:
        plain = key.replace("-", "").replace("_", "").isalnum() and key.isascii()
        return _Position(self.path, f"{self.key}.{key if plain else repr(key)}")

    def error(self, message: str, hint: str | None = None) -> UsageError:
        return UsageError(f"{os.path.relpath(self.path)}: {self.key}: {message}", hint=hint)

    @contextmanager
    def named(self) -> Iterator[None]:
        """While active, a complaint is given this place."""
        try:
            yield
        except UsageError as complaint:
            raise self.error(complaint.message, complaint.hint) from None


def _entry(name: str, raw: Any, place: _Position) -> Target:
    given = _known(raw, place, (*_FIELDS, *_REQUIREMENTS))
    fields = {key: _FIELDS[key](given[key], place.at(key)) for key in _FIELDS if key in given}
    required = [
        one for key, read in _REQUIREMENTS.items() if key in given for one in read(given[key], place.at(key))
    ]
    if not required:
        raise place.error("nothing is required of it.", hint=f"give {', '.join(_REQUIREMENTS)}")
    return Target(**{"model": name, **fields}, name=name, requirements=tuple(required))


def _known(value: Any, place: _Position, keys: tuple[str, ...]) -> dict[str, Any]:
    """A table, no key of which is another than these."""
    table: dict[str, Any] = _table(value, place)
    for key in table:
        if key not in keys:
            from netscope.base.suggest import nearest

            close = nearest(key, keys) or keys
            raise place.error(f"there is no key {key!r}.", hint=f"did you mean {', '.join(close)}?")
    return table


def _of(kind: type, wanted: str) -> Callable[[Any, _Position], Any]:
    """What passes on a value of that type, and no bool for a number."""

    def read(value: Any, place: _Position) -> Any:
        if type(value) is not kind:
            raise place.error(f"this must be {wanted}, not {value!r}.")
        return value

    return read


_table: Final = _of(dict, "a table")
_text: Final = _of(str, "a text")
_list: Final = _of(list, "a list")


def _texts(value: Any, place: _Position) -> tuple[str, ...]:
    """One text, or a list of them."""
    return tuple(_text(text, place) for text in (value if isinstance(value, list) else [value]))


def _mesh(value: Any, place: _Position) -> Mesh:
    with place.named():
        return parse_mesh(value)


def _rank(value: Any, place: _Position) -> int | str:
    if value != "all" and type(value) is not int:
        raise place.error(f'this must be a whole number, or "all", not {value!r}.')
    rank: int | str = value
    return rank


def _limits(sign: Sign) -> Callable[[Any, _Position], Iterator[Requirement]]:
    """What reads a table of limits, where a value without a sign has this one."""

    def read(value: Any, place: _Position) -> Iterator[Requirement]:
        for key, limit in _table(value, place).items():
            here = place.at(key)
            whole = type(limit) is float and limit.is_integer()  # as TOML reads 1e9
            if not whole and type(limit) not in (int, str):
                raise here.error(f'this must be a whole number, or a text such as "1.2G", not {limit!r}.')
            with here.named():
                yield parse_named(key, int(limit) if whole else limit, sign)

    return read


def _changes(value: Any, place: _Position) -> Iterator[Requirement]:
    for text in _texts(value, place):
        with place.named():
            yield parse_change(text)


def _shapes(value: Any, place: _Position) -> Iterator[Requirement]:
    for path, pattern in _table(value, place).items():
        yield Returns(path, _pattern(pattern, place.at(path)))


def _pattern(value: Any, place: _Position) -> tuple[Any, ...]:
    """A shape, or a list of shapes; "..." stands for any number of sizes."""
    sizes = _list(value, place)
    if any(isinstance(size, list) for size in sizes):
        return tuple(_pattern(size, place) for size in sizes)
    for size in sizes:
        if type(size) not in (int, str):
            raise place.error(f'a size is a whole number or a text such as "N", not {size!r}.')
    if sizes.count("...") > 1:
        raise place.error("a shape can have one ....")
    return tuple(... if size == "..." else size for size in sizes)


_FIELDS: Final[Mapping[str, Callable[[Any, _Position], Any]]] = {
    "model": _text,
    "input": _texts,
    "batch": _of(int, "a whole number"),
    "dtype": _text,
    "train": _of(bool, "true or false"),
    "options": _table,
    "mesh": _mesh,
    "rank": _rank,
    "against": _text,
}
_REQUIREMENTS: Final[Mapping[str, Callable[[Any, _Position], Iterator[Requirement]]]] = {
    "max": _limits("<="),
    "expect": _limits("=="),
    "shapes": _shapes,
    "fail-if": _changes,
}
