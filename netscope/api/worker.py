"""The process in which a network of another revision is summarised (see `netscope.sources.revision`).

It reads what it is asked from standard input, as a literal of Python, and writes its answer to a file, as
JSON: {"report": ...}, or {"error": ...} and what there is of a report. Its parent does the talking.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from netscope.base.errors import NetscopeError, TraceError
from netscope.sources.revision.elsewhere import check_origin, import_from


def main() -> int:
    """Answer one request; returns the exit code."""
    try:
        request = ast.literal_eval(sys.stdin.buffer.read().decode("utf-8", "surrogatepass"))
        import_from(Path(request["root"]), Path(request["tree"]), request["path"])
        answer = _answer(request["source"], request["asked"], Path(request["tree"]))
        Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    except KeyboardInterrupt:
        # Its parent was interrupted too, and says so.
        os._exit(130)
    return 0


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
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        said = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "this is a fault of netscope's; --debug shows where"
        return {"error": {"type": "", "message": said, "hint": hint, "traceback": traceback.format_exc()}}
