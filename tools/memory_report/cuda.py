"""Steps as on CUDA beside what torch's own code allocates on a device that only counts (`tools.counting`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tools.memory_report.section import Result, Section


def measure(case: str) -> dict[str, Any]:
    """The whole table: its networks have processes of their own."""
    from tools.counting.report import section

    return {"text": section()}


def text(results: Sequence[Result]) -> str:
    """The table."""
    return "\n".join(result["text"] for result in results if "text" in result)


SECTION: Final = Section("cuda", "CUDA, on a device that only counts", lambda: ("all",), measure, text)
