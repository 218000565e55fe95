"""What a git repository holds at one of its revisions, read without touching it.

Only objects are read (`rev-parse`, `ls-tree`, `cat-file`): no index, no working tree, no hook, no filter
and no lock. So an export holds what was committed, byte for byte; `git archive` would leave out what
`.gitattributes` says, and run the user's filters. Nothing is fetched, as git would in a partial clone.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from netscope.base.errors import SourceError

# Characters of a revision. One argument of a process has its limit, 128 KiB on Linux.
_LONGEST: Final = 10_000
_HASH: Final = re.compile(r"[0-9a-f]{40,64}")
_LFS: Final = b"version https://git-lfs.github.com/spec/"

# Modes of a tree's entries.
LINK: Final = "120000"
SUBMODULE: Final = "160000"
_PROGRAM: Final = "100755"


class Blob(NamedTuple):
    """One line of a tree; `path` is relative to the repository's root."""

    mode: str
    name: str
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that one stands in.

    root:
        the folder of its working tree.
    inside:
        where one stands, relative to the root.
    """

    root: Path
    inside: PurePosixPath

    @property
    def here(self) -> Path:
        """Where one stands."""
        return self.root / self.inside

    def commit(self, revision: str) -> str | None:
        """The full hash of a branch, tag, hash, "HEAD~2", "stash@{0}", ...; None when it is no commit."""
        # Whatever starts with a dash would be read as an option.
        if not revision or revision.startswith("-") or "\0" in revision or not _can_be_said(revision):
            return None
        found = _git("rev-parse", "--verify", "--quiet", revision)
        if found is None or not _HASH.fullmatch(found):  # "^main" is a hash to leave out
            return None
        # In a second step: at the end of ":/some message" it would be part of the message.
        return _git("rev-parse", "--verify", "--quiet", f"{found}^{{commit}}")

    def short(self, commit: str) -> str:
        """As few digits of a hash as tell it from others."""
        return _git("rev-parse", "--short", commit) or commit[:10]

    def names(self) -> list[str]:
        """Branches and tags, those of other repositories included."""
        listed = _git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
        return (listed or "").splitlines()

    def is_shallow(self) -> bool:
        """Whether it was cloned without its history."""
        return _git("rev-parse", "--is-shallow-repository") == "true"

    def lacks(self, commit: str) -> str:
        """What helps where an object of a commit is not here."""
        promised = _git("config", "--get-regexp", r"^remote\..*\.promisor$|^extensions\.partialclone$")
        if promised:
            return f"this clone is partial: `git archive {commit[:10]} > {os.devnull}` fetches what it lacks"
        return "`git fsck` says more; `git fetch` may bring it"

    def entries(self, commit: str) -> list[Blob]:
        """Every file, link and submodule of a commit.

        Raises:
            SourceError: its tree cannot be read.
        """
        listed = _git("ls-tree", "-r", "-z", "--full-tree", commit)
        if listed is None:
            raise SourceError(f"git cannot list the files of {commit[:10]}.", hint=self.lacks(commit))
        return [_entry(line) for line in listed.split("\0") if line]


def _can_be_said(text: str) -> bool:
    """Whether another process can be given that text."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return len(text) < _LONGEST


def repository() -> Repository:
    """The repository of the working directory.

    Raises:
        SourceError: there is none, or no git.
    """
    try:
        said = _run("rev-parse", "--show-toplevel", "--show-prefix")
    except FileNotFoundError:
        raise SourceError("git is not installed, and only git can read a revision.") from None
    if said.returncode:
        if b"not a git repository" in said.stderr:
            raise SourceError(
                "this folder is in no git repository.",
                hint="a revision is one of the repository you stand in",
            )
        first = os.fsdecode(said.stderr).strip().partition("\n")[0].removeprefix("fatal: ")
        raise SourceError(f"git: {first.rstrip('.')}.")
    root, _, inside = os.fsdecode(said.stdout).partition("\n")
    return Repository(Path(root), PurePosixPath(inside.rstrip("\n")))


@dataclass(frozen=True, slots=True)
class Export:
    """What an export lacks: folders of submodules, and files of which git holds only a pointer (LFS)."""

    submodules: tuple[str, ...]
    pointers: tuple[str, ...]


def export(entries: list[Blob], folder: Path, lacks: Callable[[], str]) -> Export:
    """Write the files of a commit below an empty folder.

    A link that leads out of the folder is left out. `lacks` says what helps where an object is missing.

    Raises:
        SourceError: an object is missing, or a path leads elsewhere.
        OSError: there is no room.
    """
    files = [entry for entry in entries if entry.mode != SUBMODULE]
    links: list[tuple[Path, str]] = []
    pointers: list[str] = []
    for entry, content in zip(files, _contents(files, lacks), strict=True):
        target = folder / _inward(entry.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.mode == LINK:
            links.append((target, os.fsdecode(content)))
            continue
        target.write_bytes(content)
        if entry.mode == _PROGRAM:
            target.chmod(0o755)
        if content.startswith(_LFS):
            pointers.append(str(entry.path))
    submodules = [entry.path for entry in entries if entry.mode == SUBMODULE]
    for path in submodules:
        (folder / _inward(path)).mkdir(parents=True, exist_ok=True)
    # Last, so that nothing is written through one.
    for link, to in links:
        if (link.parent / to).resolve().is_relative_to(folder.resolve()):
            link.symlink_to(to)
    return Export(tuple(map(str, submodules)), tuple(pointers))


def _entry(line: str) -> Blob:
    facts, _, path = line.partition("\t")
    mode, _, name = facts.split(" ")
    return Blob(mode, name, PurePosixPath(path))


def _inward(path: PurePosixPath) -> PurePosixPath:
    """The path, which git itself would not write elsewhere than below the root."""
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise SourceError(f"the revision holds a file {str(path)!r}, which is no place below its root.")
    return path


def _contents(files: list[Blob], lacks: Callable[[], str]) -> Iterator[bytes]:
    """What each file holds, from one process."""
    with tempfile.TemporaryFile() as names:
        # A file and not a pipe: nobody has to write while somebody reads.
        names.write("".join(f"{entry.name}\n" for entry in files).encode())
        names.seek(0)
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],  # noqa: S607 - as the user's own git is found
            stdin=names,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        ) as process:
            assert process.stdout is not None
            for entry in files:
                words = process.stdout.readline().split()
                if len(words) != 3:
                    raise SourceError(
                        f"git holds no content of {str(entry.path)!r} at that revision.",
                        hint=lacks(),
                    )
                yield process.stdout.read(int(words[2]))
                process.stdout.read(1)


def _git(*arguments: str) -> str | None:
    """What git says, without the newline at its end; None when it fails."""
    said = _run(*arguments)
    return None if said.returncode else os.fsdecode(said.stdout).removesuffix("\n")


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - no shell, and no argument that a user wrote starts with a dash
        ["git", *arguments],  # noqa: S607 - as the user's own git is found
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=_environment(),
        check=False,
    )


def _environment() -> dict[str, str]:
    """Messages in English, no lock taken in passing, no question asked, no word to another machine."""
    return {
        **os.environ,
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",  # older gits do not know the one before
    }
