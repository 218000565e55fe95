"""Reports as JSON: lossless, versioned, and never a surprise when a file is broken.

The form follows the dataclasses: a field is a key of the same name. Derived figures that readers want
(`output_shape`, `flops`, `totals`, ...) are written beside the fields and recomputed on load. Tuples are
lists in JSON and come back as tuples; a float that JSON lacks is {"$float": "inf"}.

    writing     a report -> plain values -> text -> a file, whole or not at all
    reading     a file -> text -> plain values -> a report, or one line that says why not
    pages       the text of an answer within an HTML page of it
    versions    what an older netscope wrote -> what this one would have written
    decoding    plain values -> dataclasses, by their annotations
    soundness   what every report promises to those who read it
"""

from __future__ import annotations

from netscope.report.store.reading import from_dict, load
from netscope.report.store.writing import DERIVED, TOTALS, plain, to_dict, to_json, write_bytes, write_text

__all__ = [
    "DERIVED",
    "TOTALS",
    "from_dict",
    "load",
    "plain",
    "to_dict",
    "to_json",
    "write_bytes",
    "write_text",
]
