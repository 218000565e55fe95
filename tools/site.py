"""The site of docs/, built strictly into build/site, and held to be all its own: `python -m tools.site`.

A broken link or anchor stops the build. A page or style sheet that would fetch anything from another host
does too. The theme's script knows such addresses for things that we do not use; each page forbids the browser
to follow them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SITE: Final = ROOT / "build" / "site"

# Of HTML and CSS, and of SVG within CSS.
_COMMENT: Final = re.compile(r"<!--.*?-->|\\3c !--.*?-->|/\*.*?\*/", re.DOTALL)
_HOST: Final = re.compile(r"""(?:https?:)?//(?P<host>[\w-]+(?:\.[\w-]+)+)""")
_NAMES: Final = {
    "www.w3.org",
    "www.sitemaps.org",
}  # of SVG and the like: names, which nobody fetches
_POLICY: Final = "default-src 'self'"


def build() -> int:
    """Build it; the exit code."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def foreign(site: Path) -> Iterator[str]:
    """What names another host, or lets the browser ask one."""
    for path in sorted(site.rglob("*")):
        if path.suffix not in (".html", ".css", ".json", ".xml"):
            continue
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(site)
        if path.suffix == ".html" and _POLICY not in text:
            yield f"{where}: no content security policy"
        for match in _HOST.finditer(_COMMENT.sub("", text)):
            if match["host"] not in _NAMES:
                yield f"{where}: {match[0]}"


def main() -> int:
    """Build and check; the exit code."""
    if code := build():
        return code
    found = list(foreign(SITE))
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
