"""Runs a script on a CUDA device that only counts: `python -m tools.counting script.py ...`.

What torch says of memory there (`torch.cuda.max_memory_allocated` and all else) is what it says on a GPU. See
`tools.counting.device` for what is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.counting.device import environment


def main() -> None:
    """See the module."""
    if len(sys.argv) < 2:
        raise SystemExit("use: python -m tools.counting SCRIPT [ARGUMENTS]")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *sys.argv[1:]], env=os.environ | environment(Path(folder)), check=False
        )
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
