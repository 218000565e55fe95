"""Where tensors leave torch: what is done with them from there on nobody sees.

In place on fake and real tensors, in a mode of torch's functions. That alone has `nn.MultiheadAttention` keep
to the way on which its children run, as every other mode of torch's does; the fused one would hide them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from netscope.trace.facts import Unseen
from netscope.trace.recorder import Recorder

_EXITS: Final[dict[Any, str]] = {
    torch.Tensor.numpy: "arithmetic in numpy",
    torch.Tensor.__array__: "arithmetic in numpy",
    torch.Tensor.__dlpack__: "a kernel that is not torch's",
    torch.Tensor.data_ptr: "a kernel that is not torch's",
    torch.Tensor.tolist: "",
}


class _Exits:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        what = _EXITS.get(func)
        if what is None:
            return func(*args, **(kwargs or {}))
        recorder = self._recorder
        try:
            result = func(*args, **(kwargs or {}))
        except Exception:
            recorder.fail(f"{func.__name__}()")
            raise
        tensor = args[0]
        # Indices, lengths and masks are read, parameters compared; what was computed is computed with.
        if what and tensor.is_floating_point() and not recorder.was_there(tensor):
            recorder.unseen.append(Unseen(recorder.scope, what))
        return result


@contextmanager
def exits_watched(recorder: Recorder) -> Iterator[None]:
    """Have the recorder told of what leaves torch on this thread."""
    torch._C._push_on_torch_function_stack(_Exits(recorder))
    try:
        yield
    finally:
        torch._C._pop_torch_function_stack()
