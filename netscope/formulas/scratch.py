"""What a kernel allocates for itself while it runs, by operator: memory that no tensor of the step shows."""

from __future__ import annotations

from netscope.formulas.scratch_cuda import of_cuda
from netscope.trace.facts import Operator


def scratch_of(operator: Operator, device: str) -> int:
    """Bytes that are gone when the kernel returns; 0 where none are known of."""
    return of_cuda(operator) if device == "cuda" else 0
