"""A comment on a pull request, in GitHub's Markdown.

A hidden marker comes first, so that the next run finds the comment and writes it anew; then the verdict as
a heading, what matters of it, the rest folded away, and the command that makes it again.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from netscope.base import units
from netscope.show.render.markdown import code, escape
from netscope.show.render.text import visible

# GitHub takes 65,536 characters.
LONGEST: Final = 65_000


class Folded(NamedTuple):
    """A part that opens on a click: its title, and lines of Markdown."""

    title: str
    lines: Sequence[str]


def comment(
    kind: str,
    heading: str,
    lines: Sequence[str],
    folded: Sequence[Folded] = (),
    *,
    of: str = "",
    command: str = "",
    longest: int = LONGEST,
) -> str:
    """The whole text, at most `longest` characters of it.

    kind, of:
        name the marker, `<!-- netscope:kind of -->`: every comment of one kind about one thing has the same.
    lines:
        what is seen at once, Markdown. What is too much is cut at its end, and a note says so; the
        folded parts are cut before these are.
    """
    # Two hyphens would end the hidden comment.
    marker = re.sub("-(?=-)", "- ", f"{kind} {visible(of)}".strip()).replace(">", ")")
    head = [f"<!-- netscope:{marker} -->", f"### {escape(heading)}", ""]
    foot = ["", f"Made by {code(command)}"] if command else []
    room = longest - _size(head) - _size(foot)
    body = _cut(lines, room)
    room -= _size(body)
    for part in folded:
        # An empty line on either side lets Markdown be read inside of the HTML.
        around = [
            "",
            "<details>",
            f"<summary>{html.escape(visible(part.title), quote=False)}</summary>",
            "",
            "",
            "</details>",
        ]
        room -= _size(around)
        inside = _cut(part.lines, room) if room > _NOTE else []
        if not inside:
            break
        room -= _size(inside)
        body += [*around[:4], *inside, *around[4:]]
    return "\n".join([*head, *body, *foot]) + "\n"


def fenced(text: str) -> list[str]:
    """Lines that are shown as they are, between fences that the text does not hold."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, *text.splitlines(), fence]


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


# Room for the note that lines were cut.
_NOTE: Final = 80


def _cut(lines: Sequence[str], room: int) -> list[str]:
    """As many of the lines as there is room for, a note for the others, and the fence that they were in."""
    if _size(lines) <= room:
        return list(lines)
    fence = lines[0] if lines[0].startswith("```") else ""
    room -= _NOTE + len(fence)
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    left = units.plural(len(lines) - len(kept), "line")
    if fence:
        kept = [*kept, fence] if len(kept) > 1 else []
    return [*kept, "", f"*{left} left out: there is no room.*"]
