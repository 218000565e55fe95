"""What imports what within a package, read from its source: modules, rooms, edges and circles.

A room is what stands at the top level of the package: a folder or a file. Imports for type checkers alone
are left out, and so are those whose names are only known when the program runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import networkx

Edge = tuple[str, str]


class Import(NamedTuple):
    """One import of a module of the package by another.

    lazy:
        within a function.
    where:
        file and line, from the folder that the package is in.
    """

    importer: str
    imported: str
    lazy: bool
    where: str

    @property
    def rooms(self) -> Edge:
        """The same, told by rooms."""
        return room(self.importer), room(self.imported)

    @property
    def modules(self) -> Edge:
        """Importer and imported."""
        return self.importer, self.imported


def room(module: str) -> str:
    """Where in its package a module is: "show" of "netscope.show.page", "__init__" of "netscope"."""
    return (*module.split("."), "__init__")[1]


def rooms(package: Path) -> tuple[set[str], set[str]]:
    """Files and folders at the top level of the package, without suffixes; those of Python alone."""
    files = {path.stem for path in package.glob("*.py")}
    folders = {path.name for path in package.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    return files, folders


def modules(package: Path) -> dict[str, Path]:
    """Every module of the package by its full name."""
    return {_name(path, package): path for path in sorted(package.rglob("*.py"))}


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(package: Path) -> list[Import]:
    """All imports within the package, in the order of files and lines."""
    known = modules(package)
    found = []
    for importer, path in known.items():
        where = path.relative_to(package.parent)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Names in a relative import start from the folder that the file is in.
        folder = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
        for node, lazy in _statements(tree.body, lazy=False):
            for name in _names(node, folder):
                imported = _module(name, known)
                if imported is not None:
                    found.append(Import(importer, imported, lazy, f"{where}:{node.lineno}"))
    return found


def edges(found: Iterable[Edge]) -> set[Edge]:
    """What is joined, once each; what imports itself is not."""
    return {edge for edge in found if edge[0] != edge[1]}


def circles(found: Iterable[Edge]) -> list[set[str]]:
    """Sets of two and more of which each imports all others, directly or by others; largest first."""
    parts: Iterable[set[str]] = networkx.strongly_connected_components(networkx.DiGraph(sorted(found)))
    return sorted((part for part in parts if len(part) > 1), key=lambda part: (-len(part), min(part)))


def within_one_folder(circle: Iterable[str]) -> bool:
    """Whether all modules of a circle lie in one room."""
    return len({room(module) for module in circle}) == 1


def _statements(body: list[ast.stmt], *, lazy: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield node, lazy
            case ast.If(
                test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=other
            ):
                yield from _statements(other, lazy=lazy)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _statements(node.body, lazy=True)
            case _:
                for field in ("body", "orelse", "finalbody"):
                    yield from _statements(getattr(node, field, []), lazy=lazy)
                for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                    yield from _statements(part.body, lazy=lazy)


def _names(node: ast.Import | ast.ImportFrom, folder: str) -> list[str]:
    """Full names that a statement may stand for: `from a import b` is a.b, be that a module or a value."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        start = folder.split(".")[: len(folder.split(".")) - node.level + 1]
        base = ".".join([*start, base] if base else start)
    return [f"{base}.{alias.name}" for alias in node.names]


def _module(name: str, known: Iterable[str]) -> str | None:
    """The module that is meant: the name itself, else what holds the value of that name."""
    holder = name.rpartition(".")[0]
    return name if name in known else holder if holder in known else None
