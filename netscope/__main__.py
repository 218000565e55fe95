"""`python -m netscope` is the command `netscope`."""

from __future__ import annotations

import sys

from netscope.cli import main

if __name__ == "__main__":
    sys.exit(main())
