"""What gloo, the library of collectives for the processor, allocates while one of its collectives runs.

Seen in the record of the allocator with 2 and 4 processes. NCCL works in the buffers that it is given.
"""

from __future__ import annotations

from netscope.base.workload import TensorSpec
from netscope.trace.facts import Operator
from netscope.trace.groups import collective_of


def of_gloo(operator: Operator) -> int:
    """Bytes that are gone when a collective is over.

    It gathers into a buffer of its own, however the result lies, and adds up in a copy of what it is given:
    of a function that returns the sum, the copy is what it returns.
    """
    kind = collective_of(operator)
    if kind is None or kind.collective not in ("all_gather", "reduce_scatter"):
        return 0
    whole = operator.outputs if kind.buffer < 0 else (operator.args[kind.buffer],)
    return sum(spec.nbytes for spec in whole if isinstance(spec, TensorSpec))
