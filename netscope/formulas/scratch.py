"""What a kernel allocates for itself while it runs, by operator: memory that no tensor of the step shows."""

from __future__ import annotations

from netscope.trace.facts import Operator


def scratch_of(operator: Operator, device: str) -> int:
    """Bytes that are gone when the kernel returns; 0 where none are known of."""
    return 0
