"""The answer within a page: every page that netscope writes carries its own as JSON.

It stands in `<script id="answer">` as it is, with "<", ">" and "&" escaped as JSON escapes them, or where it
is large compressed by gzip and spelt in base64; the script's type says which.
"""

from __future__ import annotations

import base64
import zlib
from html.parser import HTMLParser
from typing import Final

from netscope.base import units
from netscope.base.errors import StoreError

PLAIN: Final = "application/json"
PACKED: Final = "application/json+gzip;base64"
ID: Final = "answer"

# A page of a hundred thousand layers has less, and reading what is broken in many places takes its square.
LARGEST_PAGE: Final = 64 * 2**20
# Of zlib: a stream of gzip, with its head and its checksum.
_GZIP: Final = 31


def is_page(text: str) -> bool:
    """Whether a file holds a page: JSON never begins so."""
    return text[:256].lstrip().startswith("<")


def answer_of(text: str, largest: int) -> str:
    """The JSON text of the answer within a page, at most `largest` characters of it.

    Raises:
        StoreError: the page is none of netscope's, or broken.
    """
    if len(text) > LARGEST_PAGE:
        raise StoreError(f"no page of a report has {units.binary(len(text))}.")
    page = _Answers()
    page.feed(text)
    page.close()
    if not page.found:
        raise StoreError(
            "this page holds no answer of netscope.",
            hint="`netscope summary MODEL -o report.html` writes one that does",
        )
    if len(page.found) > 1:
        raise StoreError("this page holds more than one answer.")
    kind, body = page.found[0][0], "".join(page.found[0][1])
    if page.open:
        raise StoreError("this page breaks off within its answer.")
    if kind == PLAIN:
        return body
    if kind == PACKED:
        return _unpacked(body, largest)
    raise StoreError(
        "this page holds its answer in a way that this netscope does not know.", hint="update it"
    )


class _Answers(HTMLParser):
    """All scripts that say they are an answer: their types and what is in them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[str]]] = []
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.open = tag == "script" and said.get("id") == ID
        if self.open:
            self.found.append(((said.get("type") or "").replace(" ", "").lower(), []))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.open = False

    def handle_data(self, data: str) -> None:
        if self.open:
            self.found[-1][1].append(data)


def _unpacked(body: str, largest: int) -> str:
    """What was compressed. However much it would become, no more than `largest` bytes of it are made."""
    broken = StoreError("the answer in this page is broken.")
    unzip = zlib.decompressobj(_GZIP)
    try:
        packed = base64.b64decode("".join(body.split()), validate=True)
        data = unzip.decompress(packed, largest)
        if unzip.unconsumed_tail:
            raise StoreError(f"no report has more than {units.binary(largest)}.")
        if not unzip.eof or unzip.unused_data:
            raise broken
        return data.decode("utf-8")
    except (ValueError, zlib.error):
        raise broken from None
