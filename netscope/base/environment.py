"""On what a figure was obtained: versions and machine, as plain text, cheap enough for every report."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Final

from netscope.base.version import __version__

# Named when they took part, that is, were imported: asking the installation would cost more than a trace.
_LIBRARIES: Final = ("torch", "torchvision", "timm", "transformers")


def environment() -> dict[str, str]:
    """Versions of netscope, Python and the libraries that took part; the operating system and the CPU."""
    facts = {"netscope": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        version = getattr(sys.modules.get(library), "__version__", None)
        if version is not None:
            facts[library] = str(version)
    facts["platform"] = f"{platform.system()} {platform.release()} {platform.machine()}".strip()
    facts["cpu"] = _cpu()
    return facts


@cache
def _cpu() -> str:
    """The processor's name and how many of its threads this process may use."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{_processor()} ({threads} thread{'s' if threads != 1 else ''})"


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open("rb") as lines:
            for line in lines:
                key, _, value = line.partition(b":")
                if key.strip() in (b"model name", b"Model"):
                    return value.strip().decode(errors="replace")
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine() or "unknown"
