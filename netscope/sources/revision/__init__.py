"""`REVISION@SOURCE`: a network as it was at another revision of the repository that one stands in.

`main@path/file.py:factory`, `HEAD~2@package.module:factory`, `v1.0@report.json`. The files of that
revision are written to a temporary folder, and a process of its own, with this very interpreter and
netscope, summarises the network in there, by a module that the caller names (on a higher floor). Nothing in
the repository is touched.

The other process is started first and holds the end of a pipe. When the pipe ends, so did this process,
however it came to that: the other one removes the folder then, and ends too.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from netscope.base import paths
from netscope.base.arguments import kind_of
from netscope.base.errors import SourceError, UsageError
from netscope.base.workload import TensorSpec
from netscope.sources.common.wording import did_you_mean
from netscope.sources.revision import git

_SIGN: Final = "@"
_HINT: Final = "write main@path/file.py:factory or main@package.module:factory"
_HF: Final = "hf/"

# This package, and the folder that it is imported from.
_SELF: Final = Path(__file__).parents[2]

# The child's own netscope comes first and alone; only then may the revision's files be found.
_CHILD: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from importlib import import_module; "
    "sys.exit(import_module(sys.argv[2]).main(sys.argv[3]))"
)
_INTERRUPTED: Final = 130

_FOLDER: Final = "netscope-revision-"
# Seconds after which nobody is at work in a folder any more.
_OLD: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Reply:
    """What the process of a revision has to say.

    revision, short:
        the revision as it was typed, and its short hash.
    data:
        {"report": ...}, {"error": ...} or both, as the worker writes them.
    lacks:
        what of the revision could not be written, for a hint; "" when nothing.
    """

    revision: str
    short: str
    data: dict[str, Any]
    lacks: str

    @property
    def label(self) -> str:
        """ "main (3f2a1c0)", or the hash alone."""
        return self.short if self.revision == self.short else f"{self.revision} ({self.short})"


def accepts(name: str) -> bool:
    """Whether the name is of this form, and no file that has the sign in its own name."""
    if not any(_splits(name)):
        return False
    return not any(paths.exists(path) for path in (name, _path_of(name)) if path)


def ask(name: str, asked: Mapping[str, Any], worker: str) -> Reply:
    """Have a network of another revision summarised.

    Args:
        asked: keyword arguments of the summary.
        worker: the module whose `main` is run in the other process, and given the temporary folder. It reads
            the request from standard input, one line that is a literal of Python, and writes an answer's
            `data` as JSON to the file named there.

    Raises:
        UsageError: the name, or an argument, is nothing that could be asked of another revision.
        SourceError: no git, no such revision, no such file in it, or the process ended without a word.
        KeyboardInterrupt: it was interrupted. The temporary folder is gone all the same.
    """
    plain = {key: _plain(key, value) for key, value in asked.items() if value is not None}
    repository = git.repository()
    revision, source, commit = _resolved(name, repository)
    short = repository.short(commit)
    if len(revision) >= len(short) and commit.startswith(revision):
        revision = short
    entries = repository.entries(commit)
    source = _within(source, revision, repository, entries)
    _sweep()
    with tempfile.TemporaryDirectory(prefix=_FOLDER, ignore_cleanup_errors=True) as temporary:
        place = Path(temporary).resolve()
        tree = place / "tree"
        with _started(place, worker) as process:
            try:
                tree.mkdir()
                exported = git.export(entries, tree, partial(repository.lacks, commit))
                (tree / repository.inside).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise SourceError(f"{revision} could not be written to {place}: {error.strerror}.") from error
            data = _run(process, place, repository, source, plain)
    return Reply(revision, short, data, _lacks(exported))


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """Where the name may be cut in two, the last place first; "@{" is part of a revision."""
    for place in range(len(name) - 1, -1, -1):
        if name[place] == _SIGN and name[place + 1 : place + 2] != "{":
            yield name[:place], name[place + 1 :]


def _resolved(name: str, repository: git.Repository) -> tuple[str, str, str]:
    """Revision, source and full hash.

    Raises:
        UsageError: one of the two is missing, or starts as an option would.
        SourceError: there is no such revision.
    """
    splits = list(_splits(name))
    for revision, source in splits:
        known = source and (_SIGN not in source or _path_of(source))
        if known and (commit := repository.commit(revision)) is not None:
            return revision, source, commit
    revision, source = splits[0]
    if not revision or not source:
        missing = "revision before" if not revision else "model behind"
        raise UsageError(f"{name!r} has no {missing} the {_SIGN}.", hint=_HINT)
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is an option, not a revision.", hint=_HINT)
    names = repository.names()
    hint = None
    if not names and repository.commit("HEAD") is None:
        hint = "the repository has no commit yet"
    elif repository.is_shallow():
        hint = "this clone has no history: `git fetch --unshallow`, or `fetch-depth: 0` in a workflow"
    raise SourceError(f"there is no revision {revision!r}.{did_you_mean(revision, names)}", hint=hint)


def _path_of(source: str) -> str | None:
    """The file that a source names, None for a module or a name."""
    where = source.rpartition(":")[0] or source
    if source.endswith(paths.REPORTS):
        return source.removeprefix(_HF)
    if where.endswith(".py") or (":" in source and ("/" in where or os.sep in where)):
        return where
    return None


def _within(source: str, revision: str, repository: git.Repository, entries: list[git.Blob]) -> str:
    """The source as it is called from within the export.

    Raises:
        UsageError: it is the same in every revision, or lies outside the repository.
        SourceError: the revision has no such file.
    """
    path = _path_of(source)
    if path is None:
        module = source.partition(":")[0].partition(".")[0]
        if ":" not in source or source.startswith(_HF):
            raise UsageError(f"{source} is no file or module, and the same at every revision.", hint=_HINT)
        if module == _SELF.name:
            raise UsageError(
                f"{source} is the running netscope's own, at any revision.",
                hint="name its file: write path/file.py:factory",
            )
        return source
    expanded = paths.expanded(path)
    here = repository.here
    file = os.path.relpath(expanded if expanded.is_absolute() else here / expanded, repository.root)
    if expanded.is_absolute() and file.startswith(os.pardir):
        file = os.path.relpath(expanded.resolve(), repository.root.resolve())
    known = PurePosixPath(Path(file).as_posix())
    if known.parts[:1] == (os.pardir,):
        raise UsageError(f"{path!r} lies outside the repository {str(repository.root)!r}.")
    _check_known(path, known, revision, repository, entries)
    return source.replace(path, os.path.relpath(repository.root / known, here), 1)


def _check_known(
    path: str,
    known: PurePosixPath,
    revision: str,
    repository: git.Repository,
    entries: list[git.Blob],
) -> None:
    """Refuse a file that the revision does not have."""
    known_paths = {entry.path: entry for entry in entries}
    if known in known_paths:
        return
    for above in known.parents:
        if above in known_paths and known_paths[above].mode == git.LINK:
            return
        if above in known_paths:
            raise SourceError(
                f"{path!r} lies in the submodule {str(above)!r}, which has revisions of its own.",
                hint=f"change to {above} and name one of those",
            )
    hint = None
    if paths.exists(repository.root / known):
        hint = f"the working tree has one: leave out {revision}{_SIGN}, or name a revision that has it"
    alike = [repository.root / other for other in known_paths if other.suffix == known.suffix]
    names = [os.path.relpath(other, repository.here) for other in alike]
    close = "" if hint else did_you_mean(path, names)
    raise SourceError(f"{revision} has no file {path!r}.{close}", hint=hint)


def _plain(key: str, value: Any) -> Any:
    """An argument as a literal of Python, which is what another process can be told.

    Raises:
        UsageError: it cannot be written as one.
    """
    if isinstance(value, TensorSpec):
        return f"{'x'.join(map(str, value.shape)) or 'scalar'}:{value.dtype}"
    if isinstance(value, Mapping):
        return {name: _plain(key, inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return (tuple if isinstance(value, tuple) else list)(_plain(key, inner) for inner in value)
    try:
        if ast.literal_eval(repr(value)) == value:
            return value
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        pass
    raise UsageError(
        f"{key}= cannot hand {kind_of(value)} to another revision.", hint="give sizes, numbers and texts only"
    )


def _sweep() -> None:
    """Remove what is left where both processes were ended at once, as by SIGKILL, a day ago or more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with suppress(OSError):  # it is somebody else's, or gone
            if time.time() - folder.stat().st_mtime > _OLD:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(place: Path, worker: str) -> Iterator[subprocess.Popen[bytes]]:
    """The other process, which waits for its request; it has ended afterwards.

    Raises:
        SourceError: none can be started.
    """
    # -P: the working directory is put on the path by whoever wants it there, not before netscope is found.
    program = [sys.executable, "-P", "-B", "-c", _CHILD, str(_SELF.parent), worker, str(place)]
    try:
        # What a model prints is no data, so its output is standard error here.
        process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=2, cwd=place)  # noqa: S603 - no word of the user's
    except OSError as error:
        raise SourceError(f"no process could be started: {error.strerror}.") from error
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()


def _run(
    process: subprocess.Popen[bytes],
    place: Path,
    repository: git.Repository,
    source: str,
    asked: dict[str, Any],
) -> dict[str, Any]:
    """Tell the process what is asked, and wait for what it writes.

    Raises:
        SourceError: it ended without a word.
    """
    answer = place / "answer.json"
    request = {
        "source": source,
        "asked": asked,
        "answer": str(answer),
        "path": [os.path.abspath(entry) for entry in sys.path],  # noqa: PTH100 - links stay as they are
        "root": str(repository.root),
        "tree": str(place / "tree"),
        "folder": str(place / "tree" / repository.inside),
    }
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # what it ended by is told below
        process.stdin.write(f"{request!r}\n".encode("utf-8", "surrogatepass"))
        process.stdin.flush()
    code = process.wait()
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    try:
        found: dict[str, Any] = json.loads(answer.read_bytes())
    except (OSError, ValueError):
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        raise SourceError(f"{source} ended its process {how}, before there was a report.") from None
    return found


def _lacks(exported: git.Export) -> str:
    left_out = {"submodules": exported.submodules, "contents of LFS files": exported.pointers}
    parts = [f"{what} ({', '.join(paths[:3])})" for what, paths in left_out.items() if paths]
    return f"an exported revision lacks {' and '.join(parts)}" if parts else ""
