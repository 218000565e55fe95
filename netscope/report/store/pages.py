"""The answer within a page: every page that netscope writes carries its own as JSON.

It stands in `<script type="…" id="answer">` as it is, with "<", ">" and "&" escaped as JSON escapes them, or
where it is large compressed by gzip and spelt in base64; the script's type says which. netscope spells that
line in one way alone and has it nowhere else, so the page need not be understood to find it.
"""

from __future__ import annotations

import base64
import re
import zlib
from itertools import islice
from typing import Final

from netscope.base import units
from netscope.base.errors import StoreError

PLAIN: Final = "application/json"
PACKED: Final = "application/json+gzip;base64"
ID: Final = "answer"

# No two attempts look at the same characters, so that no page takes longer than its length.
_OPENING: Final = re.compile(f'<script type="([^"<>]*)" id="{ID}">')
_CLOSING: Final = "</script>"

# A page of a hundred thousand layers has less.
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
    found = list(islice(_OPENING.finditer(text), 2))
    if not found:
        raise StoreError(
            "this page holds no answer of netscope.",
            hint="`netscope summary MODEL -o report.html` writes one that does",
        )
    if len(found) > 1:
        raise StoreError("this page holds more than one answer.")
    kind, begin = found[0][1], found[0].end()
    end = text.find(_CLOSING, begin)
    if end < 0:
        raise StoreError("this page breaks off within its answer.")
    body = text[begin:end]
    if kind == PLAIN:
        return body
    if kind == PACKED:
        return _unpacked(body, largest)
    raise StoreError(
        "this page holds its answer in a way that this netscope does not know.", hint="update it"
    )


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
