"""A process that has imported one family's library, and forks for each network that it is asked for.

`python -m tools.coverage.server FAMILY SECONDS MEBIBYTES` first tells the family's version and names, then
reads a name a line and answers each with a line of JSON. A fork that takes too long or too much memory dies
alone, and what it had told until then is kept.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import resource
import select
import signal
import sys
import time
import warnings
from contextlib import suppress
from typing import Any, Final, NoReturn

from netscope.base.errors import said
from tools.coverage.families import Family, family
from tools.coverage.measure import measured

LIMIT: Final = "limit"
CRASH: Final = "crash"

# Of the processor's seconds that a fork has, by the clock: others may keep the machine busy.
_WALL: Final = 5


def main() -> None:
    """Serve until there are no more names."""
    title, seconds, mebibytes = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    answers = os.dup(1)
    os.dup2(2, 1)  # libraries print
    warnings.simplefilter("ignore")
    os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1", WANDB_DISABLED="true")
    try:
        found, names = _ready(title)
    except BaseException as error:  # noqa: BLE001 - a package that cannot be imported is a finding
        _tell(answers, {"error": said(error)[:300]})
        return
    _tell(answers, {"version": found.version, "names": names})
    for line in sys.stdin:
        _tell(answers, _forked(found, line.strip(), seconds, mebibytes))


def _ready(title: str) -> tuple[Family, list[str]]:
    """The family, with all imported and done once that each network would else do anew."""
    import torch
    import torch._meta_registrations
    import torch.utils.flop_counter
    from torch import nn

    import netscope
    from tools.coverage import oracles

    torch.set_num_threads(1)  # OpenMP's own threads do not survive a fork
    found = family(title)
    names = found.names()
    report = netscope.summary(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), input="3x8x8")
    oracles.flop_counter(
        report, lambda: netscope.Workload("", nn.Linear(3, 4), (netscope.TensorSpec((1, 3)),))
    )
    gc.collect()
    gc.freeze()
    return found, names


def _forked(found: Family, name: str, seconds: float, mebibytes: int) -> dict[str, Any]:
    """What a fork told of a network, and how it ended where that was early."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        _be_child(found, name, write, seconds, mebibytes)
    os.close(write)
    told: dict[str, Any] = {}
    # Once for the summary, once for the oracles.
    ended = time.monotonic() + 2 * _WALL * seconds
    text = b""
    while (left := ended - time.monotonic()) > 0:
        if select.select([read], [], [], min(left, 1.0))[0]:
            chunk = os.read(read, 1 << 16)
            if not chunk:
                break
            text += chunk
    os.close(read)
    _end(child)
    _, status = os.waitpid(child, 0)
    for line in text.splitlines(keepends=True):
        if line.endswith(b"\n"):
            told.update(json.loads(line))
    told |= {"name": name}
    why = _early(status, seconds, in_time=left > 0)
    if "seconds" not in told:
        told |= {"failed": LIMIT if why.startswith("not done") else CRASH, "error": why or "it ended early"}
    elif "failed" not in told and "oracles" not in told:
        told["oracles"] = {"flop_counter": {"agreement": "silent", "why": f"the oracles: {why}"}}
    return told


def _end(child: int) -> None:
    """The fork and those that it forked, which are a group of their own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _early(status: int, seconds: float, in_time: bool) -> str:
    if not os.WIFSIGNALED(status):
        return "" if not os.WEXITSTATUS(status) else f"exit code {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU or not in_time:
        return f"not done after {seconds:g} s"
    if number == signal.SIGKILL:
        return "its process was killed, as one is that takes too much memory"
    return f"its process died of {signal.Signals(number).name}"


def _be_child(found: Family, name: str, write: int, seconds: float, mebibytes: int) -> NoReturn:
    try:
        faulthandler.disable()
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 1)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))

        def more_time() -> None:
            until = int(time.process_time() + seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (until, most))

        more_time()
        measured(found, name, lambda line: _tell(write, line), more_time)
    except BaseException as error:  # noqa: BLE001 - told, and no further
        sys.stderr.write(f"{name}: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # nothing of what the server has to do at its end is this one's


def _tell(pipe: int, line: dict[str, Any]) -> None:
    data = (json.dumps(line) + "\n").encode()
    while data:
        data = data[os.write(pipe, data) :]


if __name__ == "__main__":
    main()
