"""The picture of a page, alone and still: which one it is, and who draws it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from netscope.base.errors import UsageError
from netscope.show.page import Difference, Folded, Layers, Network, Page, Plot, Section
from netscope.show.strings import short, visible

# What can be asked for; a map also by a column: "map:params".
NAMES: Final = ("network", "map", "curve")


def picture_of(page: Page) -> str:
    """The picture that the page asks for, or else its first, as SVG; a map where there is no other.

    Raises:
        UsageError: it has none, or not that one.
    """
    wanted, _, key = page.picture.partition(":")
    if wanted and wanted not in NAMES:
        raise UsageError(
            f"there is no picture {short(page.picture)!r}.",
            hint=f"{', '.join(NAMES[:-1])} and {NAMES[-1]} are there, and map:params, map:time and the like",
        )
    head = [" · ".join(visible(piece.text) for piece in page.head[1:])]
    sections = list(_pictures(page.sections()))
    for name in [wanted] if wanted else ["", "map"]:
        for section in sections:
            found = _drawn(page, section, name, key, head)
            if found is not None:
                return found
    what = f"no {wanted}" if wanted else "no picture"
    raise UsageError(
        f"there is {what} in the answer on {short(page.title)}.",
        hint="a summary has a network and a map, a profile and a memory answer a curve too, a diff both "
        "networks, a roofline and a batch curve a curve; reports of an older netscope have no network",
    )


def _pictures(sections: Iterable[Section]) -> Iterator[Section]:
    for section in sections:
        if isinstance(section, Folded):
            yield from _pictures(section.sections)
        else:
            yield section


def _drawn(page: Page, section: Section, wanted: str, key: str, head: list[str]) -> str | None:
    """The section as a picture; None where it is none, or another one is wanted."""
    match section:
        case Network() if wanted in ("", "network"):
            from netscope.show.drawing.svg import svg_of

            drawing = section.drawing()
            return None if drawing is None else svg_of(drawing, head, page.depth)
        case Difference() if wanted in ("", "network"):
            from netscope.show.drawing.opposite import svg_of_both

            both = section.drawing()
            return None if both is None else svg_of_both(both, page.depth, head)
        case Plot() if wanted in ("", "curve"):
            from netscope.show.drawing import plot

            return plot.svg_of(section, alone=True)
        case Layers() if wanted == "map":
            from netscope.show.drawing.icicle import icicle

            return icicle(page.title, head, section.grid(), key)
        case _:
            return None
