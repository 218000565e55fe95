"""What torch's DistributedDataParallel does around a module, without its reducer.

That is C++, belongs to the owner's parameters and may ask the other ranks. Here gradients are gathered in
buckets of the sizes that it would have, and a bucket is reduced once the last of its gradients is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

import torch

from netscope.trace.sharded import is_replica

_REPLICATE: Final = "torch.distributed._composable.replicate"
_HOOKS: Final = {"bf16_compress_hook": torch.bfloat16, "fp16_compress_hook": torch.float16}
# Of the bucket that is reduced first, and of all others without a size of their own.
_FIRST_BYTES: Final = 2**20
_OTHER_BYTES: Final = 25 * 2**20


class Replicas:
    """The replicated modules of a twin, which reduce the gradients of a step.

    groups:
        names of their groups of processes.
    """

    def __init__(self, modules: Iterable[torch.nn.Module]) -> None:
        self.groups: set[str] = set()
        self._reducers: list[_Reducer] = []
        for module in modules:
            if is_replica(module):
                self._stand_in(module, module, _trained(module), partial(_synced, module))
            for state in _states(module):
                self._of_state(state, module)

    def _of_state(self, state: Any, module: torch.nn.Module) -> None:
        """Of `replicate`, which wraps a module when it runs first."""
        import torch.distributed as dist

        given: dict[str, Any] = state._init_kwargs
        left_out: Any = (state._init_args or (module, ()))[1]
        state._init_args, state._init_kwargs = (), {}
        ignored = {id(p) for one in left_out for p in one.parameters()}
        wrapper = state._ddp = _Wrapper(given, given.get("process_group") or dist.group.WORLD)
        trained: list[torch.Tensor] = [
            p for p in module.parameters() if p.requires_grad and id(p) not in ignored
        ]
        self._stand_in(wrapper, module, trained, lambda: [] if state._no_sync else list(module.buffers()))

    def _stand_in(
        self,
        wrapper: Any,
        module: torch.nn.Module,
        trained: list[torch.Tensor],
        buffers: Callable[[], list[torch.Tensor]],
    ) -> None:
        group = wrapper.process_group
        self.groups.add(group.group_name)

        reducer = _Reducer(wrapper, trained)

        def before(*inputs: Any, **kwargs: Any) -> tuple[Any, Any]:
            reducer.reduces = wrapper.require_backward_grad_sync
            _broadcast(buffers(), group)
            return inputs, kwargs

        wrapper._pre_forward = before
        wrapper._post_forward = lambda output: output
        self._reducers.append(reducer)

    def settle(self) -> list[torch.Tensor]:
        """Make the buckets, which are there as long as the module is."""
        return [bucket for reducer in self._reducers for bucket in reducer.settle()]

    def finish(self) -> None:
        """The backward is over: reduce what waits for gradients that do not come."""
        for reducer in self._reducers:
            reducer.finish()

    def let_go(self) -> None:
        """Hold on to nothing of the recording."""
        for reducer in self._reducers:
            reducer.let_go()
        self._reducers.clear()


class _Wrapper:
    """What `replicate` keeps a DistributedDataParallel for."""

    require_backward_grad_sync = True

    def __init__(self, given: dict[str, Any], group: Any) -> None:
        self.process_group = group
        self.bucket_bytes_cap = int(2**20 * (given.get("bucket_cap_mb") or _OTHER_BYTES / 2**20))
        self.bucket_bytes_cap_default = given.get("bucket_cap_mb") is None
        self.gradient_as_bucket_view = bool(given.get("gradient_as_bucket_view"))


class _Reducer:
    """Of one module.

    reduces:
        whether gradients are summed up after the last forward, which decides on it.
    """

    def __init__(self, wrapper: Any, trained: list[torch.Tensor]) -> None:
        self.reduces = True
        self._wrapper = wrapper
        self._parameters = trained[::-1]  # gradients come from the last to the first
        self._buckets: list[_Bucket] = []
        self._handles: list[Any] = []

    def settle(self) -> Iterator[torch.Tensor]:
        import torch.distributed as dist

        if not self._parameters:
            return
        wrapper: Any = self._wrapper
        cap = int(getattr(wrapper, "bucket_bytes_cap", _OTHER_BYTES))
        limits = [_FIRST_BYTES, cap] if getattr(wrapper, "bucket_bytes_cap_default", True) else [cap]
        # By shapes alone: a divided parameter, or one without data, is none that C++ takes.
        samples = [torch.empty(p.shape, dtype=p.dtype, device="meta") for p in self._parameters]
        found: Any = dist._compute_bucket_assignment_by_size(samples, limits)  # type: ignore[attr-defined]
        for places in found[0]:
            inside = [self._parameters[place] for place in places]
            bucket = _Bucket(self, wrapper, inside)
            self._buckets.append(bucket)
            for parameter in inside:
                self._handles.append(parameter.register_post_accumulate_grad_hook(bucket.take))
            if bucket.flat is not None:
                yield bucket.flat

    def finish(self) -> None:
        for bucket in self._buckets:
            bucket.reduce()

    def let_go(self) -> None:
        for handle in self._handles:
            handle.remove()
        for name in ("_pre_forward", "_post_forward"):
            vars(self._wrapper).pop(name, None)
        for bucket in self._buckets:
            vars(bucket).clear()


class _Bucket:
    """Gradients that are reduced together.

    flat:
        the memory that they are copied to; None where they lie in it themselves.
    """

    def __init__(self, reducer: _Reducer, wrapper: Any, parameters: list[torch.Tensor]) -> None:
        self._reducer = reducer
        self._wrapper = wrapper
        self._sent_as = _sent_as(wrapper)
        self._parameters = parameters
        self._here: list[torch.Tensor] = []
        self.flat: torch.Tensor | None = None
        if not wrapper.gradient_as_bucket_view:
            first = parameters[0]
            self.flat = torch.empty(
                sum(p.numel() for p in parameters), dtype=first.dtype, device=first.device
            )

    @torch.no_grad()
    def take(self, parameter: torch.Tensor) -> None:
        """The gradient of one of them is there."""
        if not self._reducer.reduces:
            return
        self._here.append(parameter)
        if len(self._here) == len(self._parameters):
            self.reduce()

    @torch.no_grad()
    def reduce(self) -> None:
        """Sum up over ranks what is there."""
        here, self._here = self._here, []
        if not here:
            return
        gradients = [p.grad for p in here if p.grad is not None]
        group = self._wrapper.process_group
        if self.flat is None:
            sent = [one if self._sent_as is None else one.to(self._sent_as) for one in gradients]
            group.allreduce_coalesced(sent)
            return
        parts = torch.split(self.flat, [p.numel() for p in self._parameters])
        for part, gradient in zip(parts, gradients, strict=False):
            torch.mul(gradient.reshape(-1), 1 / group.size(), out=part)
        group.allreduce([self.flat if self._sent_as is None else self.flat.to(self._sent_as)])
        for part, gradient in zip(parts, gradients, strict=False):
            gradient.copy_(part.view_as(gradient))


def _sent_as(wrapper: Any) -> torch.dtype | None:
    """What torch's own hooks convert a bucket to before it is reduced; None for what it is."""
    names = [getattr(hook, "__name__", "") for hook, _ in getattr(wrapper, "_comm_hooks", ())]
    found = [dtype for name, dtype in _HOOKS.items() if name in names]
    return found[0] if found else None


def _states(module: torch.nn.Module) -> Iterator[Any]:
    """What `replicate` keeps of a module: its hooks are methods of that."""
    for hook in module._forward_pre_hooks.values():
        state = getattr(hook, "__self__", None)
        if type(state).__module__ == _REPLICATE:
            yield state


def _trained(wrapper: Any) -> list[torch.Tensor]:
    ignored = getattr(wrapper, "parameters_to_ignore", ())
    return [p for name, p in wrapper.module.named_parameters() if p.requires_grad and name not in ignored]


def _synced(wrapper: Any) -> list[torch.Tensor]:
    """Buffers that are the first rank's, before a forward."""
    wanted = wrapper.require_forward_param_sync and wrapper.forward_sync_buffers
    ignored = getattr(wrapper, "parameters_to_ignore", ())
    return [b for name, b in wrapper.module.named_buffers() if name not in ignored] if wanted else []


@torch.no_grad()
def _broadcast(buffers: list[torch.Tensor], group: Any) -> None:
    import torch.distributed as dist

    for dtype in dict.fromkeys(buffer.dtype for buffer in buffers):
        alike = [buffer for buffer in buffers if buffer.dtype is dtype]
        flat = torch.cat([buffer.reshape(-1) for buffer in alike])
        dist.broadcast(flat, dist.get_global_rank(group, 0), group=group)
        for buffer, part in zip(alike, torch.split(flat, [buffer.numel() for buffer in alike]), strict=True):
            buffer.copy_(part.view_as(buffer))
