"""The command line. `main` is its door: the one place where an error becomes text and an exit code.

Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 the model could not be loaded or traced,
130 interrupted. Data goes to standard output, everything else to standard error.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any, Final

from netscope.base.errors import NetscopeError, interrupts, said
from netscope.cli.common.output import guarded_streams, occupy_descriptors

__all__ = ["main"]

_PROGRAM: Final = "netscope"
_DEBUG: Final = "--debug"
# Characters of a line on standard error.
_LONGEST: Final = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` is without the program's name."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = _DEBUG in arguments
    warnings.formatwarning = _one_line_warning
    occupy_descriptors()
    with guarded_streams():
        try:
            code = _run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            return 0
        except NetscopeError as error:
            _trace_back(debug)
            _complain(error.message, error.hint)
            return error.exit_code
        except BaseException as error:  # noqa: BLE001 - the one place where nothing may get past
            if interrupts(error):
                _complain("interrupted.", None)
                return 130
            _trace_back(debug)
            # Nothing here raises what is no Exception, as SystemExit is none.
            whose = "netscope's" if isinstance(error, Exception) else "the model's own"
            _complain(said(error), None if debug else f"this is a fault of {whose}; --debug shows where")
            return 3
        return code


def _run(arguments: list[str]) -> int:
    """Let typer read the arguments and call the command; its own complaints become ours."""
    import typer

    from netscope.base.arguments import spelling
    from netscope.base.collector import freezing
    from netscope.base.errors import UsageError
    from netscope.base.launch import launched
    from netscope.cli.app import COMMANDS, app
    from netscope.cli.common.spelling import flag

    # The others are not imported for one of them.
    commands = app(*(name for name in arguments[:1] if name in COMMANDS))
    try:
        with freezing(), spelling(flag):
            code = commands(arguments, prog_name=_PROGRAM, standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # typer's own answer to a closed pipe
            raise BrokenPipeError from None
        if not isinstance(leaving.code, int):
            raise
        code = leaving.code
    except _complaints() as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else _PROGRAM
        if path == _PROGRAM and arguments[0] in COMMANDS:
            path = f"{_PROGRAM} {arguments[0]}"  # an option without its value is told of without a context
        launch = launched()
        if launch is not None and launch.rank:
            return UsageError.exit_code  # the first one says what all have been given
        message = " ".join(error.format_message().replace("Value error, ", "").split())
        raise UsageError(message[:1].lower() + message[1:], hint=f"`{path} --help` shows how") from None
    if code == 130:
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _complaints() -> Any:
    """What typer raises for a wrong call. The class has no public name, only descendants that do."""
    import typer

    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _complain(message: str, hint: str | None) -> None:
    told = f"{_PROGRAM}: {_one_line(message)}\n"
    if hint is not None:
        told += f"{' ' * len(_PROGRAM)}  {_one_line(hint)}\n"
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    sys.stderr.write(told.encode(encoding, "backslashreplace").decode(encoding))
    sys.stderr.flush()


def _one_line(text: str) -> str:
    """What a person can read of it: names can be as long as a file, and hold anything."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _trace_back(debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()


def _one_line_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    return f"{_PROGRAM}: warning: {_one_line(' '.join(str(message).split()))}\n"
