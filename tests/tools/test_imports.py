"""Edges and circles of a package that is written for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.imports import circles, edges, imports, modules, room, rooms, within_one_folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "__init__.py": "import toy.low",
        "__main__.py": "from toy.high import run",
        "low/__init__.py": "",
        "low/one.py": "from toy.low.two import value\nimport json",
        "low/two.py": "def late():\n    from toy.low import one\n    return one",
        "low/three.py": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from toy.high import run\n"
            "else:\n    from .two import value\n"
        ),
        "high/__init__.py": "import toy.low.one as one\nfrom toy import low, version\n",
        "high/deep/__init__.py": "",
        "high/deep/leaf.py": (
            "class Leaf:\n    def late(self):\n        try:\n            from ... import low\n"
            "        except ImportError:\n            import toy.high\n"
        ),
        "data/table.csv": "a,b\n",
    }
    for name, text in files.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "toy"


def test_rooms_are_the_files_and_folders_with_python_in_them(package: Path):
    assert rooms(package) == ({"__init__", "__main__"}, {"low", "high"})
    assert [room(name) for name in ("toy", "toy.low", "toy.high.deep.leaf")] == ["__init__", "low", "high"]


def test_modules_have_the_names_that_python_gives_them(package: Path):
    assert modules(package).keys() == {
        "toy",
        "toy.__main__",
        "toy.low",
        "toy.low.one",
        "toy.low.two",
        "toy.low.three",
        "toy.high",
        "toy.high.deep",
        "toy.high.deep.leaf",
    }


def test_imports_are_found_wherever_they_stand(package: Path):
    found = {(i.importer, i.imported, i.lazy) for i in imports(package)}
    assert found == {
        ("toy", "toy.low", False),
        ("toy.__main__", "toy.high", False),  # `run` is a value of it
        ("toy.low.one", "toy.low.two", False),
        ("toy.low.two", "toy.low.one", True),
        ("toy.low.three", "toy.low.two", False),  # relative, and what is for type checkers is not there
        ("toy.high", "toy.low.one", False),
        ("toy.high", "toy.low", False),
        ("toy.high", "toy", False),  # `version` is a value of it
        ("toy.high.deep.leaf", "toy.low", True),
        ("toy.high.deep.leaf", "toy.high", True),
    }
    (late,) = [i for i in imports(package) if i.importer == "toy.low.two"]
    assert late.where == "toy/low/two.py:2"


def test_edges_are_counted_once_and_not_within_a_room(package: Path):
    found = imports(package)
    assert edges(i.rooms for i in found) == {
        ("__init__", "low"),
        ("__main__", "high"),
        ("high", "low"),
        ("high", "__init__"),
    }
    assert ("toy.low.two", "toy.low.one") in edges(i.modules for i in found)
    assert ("toy.low.two", "toy.low.one") not in edges(i.modules for i in found if not i.lazy)


def test_circles_of_modules_that_functions_close(package: Path):
    found = imports(package)
    assert circles(edges(i.modules for i in found if not i.lazy)) == []
    assert circles(edges(i.modules for i in found)) == [{"toy.low.one", "toy.low.two"}]
    assert circles(edges(i.rooms for i in found)) == []


def test_circles_are_told_apart_and_the_largest_comes_first():
    joined = {("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "c"), ("e", "f")}
    assert circles(joined) == [{"c", "d", "e"}, {"a", "b"}]
    assert circles([]) == []


def test_whether_a_circle_lies_in_one_folder():
    assert within_one_folder({"toy.low.one", "toy.low.two"})
    assert not within_one_folder({"toy.low.one", "toy.high"})
