"""The process in which a network of another revision is summarised (see `netscope.sources.revision`).

It reads what it is asked from standard input, a line that is a literal of Python, and writes its answer to a
file, as JSON: {"report": ...}, or {"error": ...} and what there is of a report. Its parent does the talking.
The pipe stays open for as long as its parent lives.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from netscope.base.errors import NetscopeError, TraceError, interrupts, said
from netscope.sources.revision.elsewhere import check_origin, import_from


def main(temporary: str) -> int:
    """Answer one request, with files in that folder; returns the exit code."""
    place = Path(temporary)
    try:
        request = ast.literal_eval(_request(place).decode("utf-8", "surrogatepass"))
        _end_with_parent(place)
        os.chdir(request["folder"])
        import_from(Path(request["root"]), Path(request["tree"]), request["path"])
        answer = _answer(request["source"], request["asked"], Path(request["tree"]))
        Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    except KeyboardInterrupt:
        # Its parent was interrupted too, and says so.
        os._exit(130)
    return 0


def _request(place: Path) -> bytes:
    """The one line on standard input."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 2**16)
        if not part:
            _leave(place)
        line += part
    return line


def _end_with_parent(place: Path) -> None:
    """From now on end when the parent does, and leave nothing behind.

    A pipe tells of every end, by SIGKILL too. A signal may be for both, and then finds the parent dead first.
    """
    pipe = os.dup(0)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)  # what a model reads there is not the pipe
    os.close(nowhere)

    def watch() -> None:
        os.read(pipe, 1)
        _leave(place)

    threading.Thread(target=watch, daemon=True, name="netscope-parent").start()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: _leave(place, number))


def _leave(place: Path, number: int | None = None) -> NoReturn:
    """End at once, by that signal if it was one, with the folder removed."""
    shutil.rmtree(place, ignore_errors=True)
    if number is not None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(1)


def _answer(source: str, asked: dict[str, Any], tree: Path) -> dict[str, Any]:
    from netscope.api.summary import summary
    from netscope.base.collector import freezing
    from netscope.report import store

    try:
        with freezing():
            report = summary(source, **asked)
        check_origin(source, tree)
        return {"report": store.to_dict(report)}
    except NetscopeError as error:
        partial = error.report if isinstance(error, TraceError) else None
        return {
            "error": {
                "type": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
                "path": error.path if isinstance(error, TraceError) else "",
                "traceback": traceback.format_exc(),
            },
            "report": None if partial is None else store.to_dict(partial),
        }
    except BaseException as error:  # whatever it is, the parent must hear of it
        if interrupts(error):
            raise
        hint = "this is a fault of netscope's; --debug shows where"
        trace = traceback.format_exc()
        return {"error": {"type": "", "message": said(error), "hint": hint, "traceback": trace}}
