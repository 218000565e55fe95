"""Questions about names that people typed, which may be no names of files at all.

`Path` raises over a name that is too long, has a NUL in it, or begins with the home of nobody. Here such a
file is not there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

# How the names of files end in which a report can be saved.
REPORTS: Final = (".json", ".html", ".htm")


def expanded(name: str) -> Path:
    """The path, with "~" as the home folder where there is one."""
    return Path(os.path.expanduser(name))  # noqa: PTH111 - see above, as of the others


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is something of that name."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file of that name."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder of that name."""
    return os.path.isdir(path)  # noqa: PTH112
