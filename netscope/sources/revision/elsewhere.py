"""Importing from an exported tree what would have been imported from the working tree.

Many ways lead into a working tree: the current folder, PYTHONPATH, a .pth file of an editable install, an
import hook of one. In the process of another revision all of them must end in the export, or two revisions
of one package would be mixed without a word.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from netscope.base.errors import SourceError


class Elsewhere(MetaPathFinder):
    """Stands before all other finders; what they find in `root` is taken from `tree`."""

    def __init__(self, root: Path, tree: Path) -> None:
        self._root = root.resolve()
        self._tree = tree
        # Of an interpreter that lies within the root; one around it says nothing.
        homes = {Path(home).resolve() for home in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
        self._homes = [home for home in homes if home != self._root and home.is_relative_to(self._root)]

    def moved(self, path: str) -> str:
        """The same place in the export; installed packages, as in a .venv within the root, stay."""
        place = Path(path).resolve()
        if not place.is_relative_to(self._root) or place.is_relative_to(self._tree):
            return path
        inside = place.relative_to(self._root)
        installed = not {"site-packages", "dist-packages"}.isdisjoint(inside.parts)
        if installed or any(place.is_relative_to(home) for home in self._homes):
            return path
        return str(self._tree / inside)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a top-level module is; those within packages follow."""
        if path is not None:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(fullname, path, target)
            if spec is not None:
                return self._moved_spec(fullname, spec)
        return None

    def _moved_spec(self, name: str, spec: ModuleSpec) -> ModuleSpec:
        if not spec.has_location or spec.origin is None:
            if spec.submodule_search_locations is not None:
                places = [self.moved(place) for place in spec.submodule_search_locations]
                if places != list(spec.submodule_search_locations):
                    spec.submodule_search_locations = places
            return spec
        origin = self.moved(spec.origin)
        if origin == spec.origin:
            return spec
        if not Path(origin).is_file():
            raise ModuleNotFoundError(f"No module named {name!r} at that revision", name=name)
        inside = None if spec.submodule_search_locations is None else [str(Path(origin).parent)]
        moved = importlib.util.spec_from_file_location(name, origin, submodule_search_locations=inside)
        assert moved is not None
        return moved


def import_from(root: Path, tree: Path, path: Sequence[str]) -> None:
    """From now on import from `tree` in place of `root`, along a `sys.path` that leads into `root`."""
    finder = Elsewhere(root, tree)
    sys.path[:] = [finder.moved(entry) for entry in path]
    sys.meta_path.insert(0, finder)


def check_origin(source: str, tree: Path) -> None:
    """Refuse a module that was imported from somewhere else, as from a copy in site-packages.

    Raises:
        SourceError: it lies outside the tree, so every revision would have the same network.
    """
    dotted = source.partition(":")[0]
    file = getattr(sys.modules.get(dotted), "__file__", None)
    if file is not None and not Path(file).resolve().is_relative_to(tree):
        raise SourceError(
            f"{dotted} is installed at {file}, outside the repository, and the same at every revision.",
            hint="name its file: write path/file.py:factory behind the @",
        )
