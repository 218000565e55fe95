"""The repository that tests of revisions stand in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.revision.repository import Repo


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return Repo(tmp_path_factory.mktemp("revision") / "repo")


@pytest.fixture
def here(repo: Repo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Repo]:
    """Stand in the repository; afterwards it is as it was, and no temporary folder is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(repo.root)
    before = repo.state()
    yield repo
    assert repo.state() == before
    assert list(temporary.iterdir()) == []
