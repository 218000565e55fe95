"""The docstring of a check's file, read as the page that it is.

    Windows stop short of the input's last rows or columns, which are never read.

    ## What it finds

    Words.

    ## Why it matters

    Words.

    ## Example

    Words, if there is anything to say, and one block of Python. It makes a `model` and an `input` for
    `netscope.lint(model, input=input)`, which finds what the check is about; or with a `mesh` too, a factory
    `model` for `netscope.lint("file.py:model", input=input, mesh=mesh)`.

    ## Instead

    The same again: what to do instead, and a block in which the check finds nothing.

All of it is Markdown: a first line that is one sentence, then these headings in this order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from netscope.answers.lint.registry import Check, Severity, find

HEADINGS: Final = ("What it finds", "Why it matters", "Example", "Instead")

_HEADING: Final = re.compile(r"^## (.+)\n", re.MULTILINE)
_SAMPLE: Final = re.compile(r"(?P<words>.*?)\s*```python\n(?P<code>.*?\n)```", re.DOTALL)


class Sample(NamedTuple):
    """A network in Python, and what there is to say about it ("" for nothing).

    The code can be run as it is, and leaves a `model` and an `input` for `netscope.lint`, or a `mesh` too.
    """

    words: str
    code: str


@dataclass(frozen=True, slots=True)
class Documentation:
    """What a check says of itself. The words are Markdown, as they stand in the docstring of its file."""

    code: str
    name: str
    severity: Severity
    summary: str
    finds: str
    why: str
    example: Sample
    instead: Sample
    text: str

    @property
    def page(self) -> str:
        """All of it as Markdown, which reads as plain text too."""
        return f"# {self.code} {self.name}\n\n{self.text.strip()}\n"


def documentation(check: str) -> Documentation:
    """What there is to know of the check of that code ("NS101") or name ("untiled-windows").

    Raises:
        UsageError: nothing is called that.
    """
    return parsed(find(check))


def parsed(check: Check) -> Documentation:
    """The documentation in a check's docstring.

    Raises:
        ValueError: it is not written as this module says.
    """
    summary, *rest = _HEADING.split(check.docstring)
    summary, headings, texts = summary.strip(), tuple(rest[::2]), [text.strip() for text in rest[1::2]]
    if headings != HEADINGS:
        missing = [heading for heading in HEADINGS if heading not in headings]
        what = f"lacks the heading {missing[0]!r}" if missing else f"has the headings {', '.join(headings)}"
        raise _malformed(check, f"{what}; they are {', '.join(HEADINGS)}, in this order.")
    if "\n" in summary or not summary.endswith("."):
        raise _malformed(check, "must start with one sentence on a line of its own.")
    finds, why, example, instead = texts
    for heading, words in zip(HEADINGS, (finds, why), strict=False):
        if not words:
            raise _malformed(check, f"says nothing under {heading!r}.")
    return Documentation(
        check.code,
        check.name,
        check.severity,
        summary,
        finds,
        why,
        _sample(check, "Example", example),
        _sample(check, "Instead", instead),
        check.docstring,
    )


def _sample(check: Check, heading: str, text: str) -> Sample:
    match = _SAMPLE.fullmatch(text)
    if match is None or "```" in match["code"]:
        raise _malformed(check, f"must have one block of ```python at the end of {heading!r}.")
    return Sample(match["words"], match["code"])


def _malformed(check: Check, what: str) -> ValueError:
    return ValueError(f"the docstring of {check.module} {what}")
