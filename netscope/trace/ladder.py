"""Going from one rung to the next: why, and whether there is another one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netscope.base.errors import text_of
from netscope.base.workload import Workload
from netscope.trace.facts import Trace, Unseen


def not_real(workload: Workload, times: int = 1) -> str:
    """Why a network cannot be run on real tensors; "" for one that can.

    times:
        how much room it wants, in those that its weights take.
    """
    from netscope.trace.memory import too_large
    from netscope.trace.modules import tensors_of

    on_meta = any(tensor.is_meta for tensor in tensors_of(workload.module))
    if workload.rebuild is None and on_meta:
        return "the module's own tensors are on meta, and have no values"
    if workload.rebuild is not None or times > 1:
        return too_large(workload.module, times=times) or ""
    return ""


def doubted(trace: Trace, failed: Sequence[str]) -> Trace:
    """A trace of which nobody knows whether it went the way that a real forward goes."""
    unseen = [Unseen(-1, f"what a forward does where {what} does not fail") for what in dict.fromkeys(failed)]
    return trace._replace(unseen=(*trace.unseen, *unseen))


def same_error(one: BaseException, other: BaseException) -> bool:
    """Equal, so the model's fault and not the rung's; one that names the kind of tensors may be of both."""
    texts = text_of(one), text_of(other)
    if isinstance(one, NotImplementedError) or any(
        re.search(r"\b(meta|fake)\b", text, re.IGNORECASE) for text in texts
    ):
        return False
    return type(one) is type(other) and _plain(texts[0]) == _plain(texts[1])


def _plain(message: str) -> str:
    return re.sub(r"\b(meta|cpu|fake)(:\d+)?\b", "device", message, flags=re.IGNORECASE)


def reason_of(rung: str, trace: Trace) -> str:
    """Why a rung would not do, in one line."""
    where = f" in {trace.error_path}" if trace.error_path else ""
    what = (trace.error or "").splitlines()[0]
    return f"{rung} tensors did not do{where}: {what}"


def reason_of_doubt(rung: str, failed: Sequence[str]) -> str:
    """The same, where the forward ran to its end all the same."""
    return f"{rung} tensors did not do: {failed[0]} failed, and the forward went on"
