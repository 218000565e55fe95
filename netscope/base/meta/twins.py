"""Parameters and large buffers of a build, each with its twin on meta."""

from __future__ import annotations

import weakref
from typing import Final

import torch
from torch import Tensor, nn

META: Final = torch.device("meta")

# A buffer of more bytes than this becomes meta too. Tables that constructors go on to read (anchor
# boxes, relative position indices, rotary frequencies) are far smaller; causal masks of long-context
# models, one for each layer, are not, and would break the promise that a build takes no memory.
LARGE_BUFFER: Final = 4 * 2**20


class Twins:
    """Answers a real tensor that is registered with its meta twin, the same one every time.

    buffers:
        whether large buffers have one too.
    large:
        whether large tensors that are made on the way are on meta from the start (see `large`).
    made, made_any:
        these, while they live and the build goes on; whether there ever was one.
    failed:
        what could not be done for want of values.
    """

    def __init__(self, buffers: bool, large: bool = False) -> None:
        self.buffers = buffers
        self.large = large and buffers
        self.made: list[weakref.ref[Tensor]] = []
        self.made_any = False
        self.failed: list[str] = []
        self._known: dict[int, tuple[weakref.ref[Tensor], Tensor]] = {}

    def within(self, outer: Twins) -> Twins:
        """These in a build within another one: what is tied stays tied."""
        self.buffers |= outer.buffers
        self._known = outer._known
        return self

    def of_parameter(self, value: nn.Parameter | None) -> nn.Parameter | None:
        """Its twin, or the parameter itself where that is to stay."""
        # Subclasses (lazy, quantised, packed) know more than a shape: they stay what they are.
        if type(value) is not nn.Parameter or value.is_meta or _is_special(value):
            return value
        twin = self._twin(value)
        if twin is None:
            twin = nn.Parameter(torch.empty_like(value, device=META), value.requires_grad)
            twin.__dict__.update(value.__dict__)  # marks such as `no_weight_decay`
            self._known[id(value)] = (weakref.ref(value), twin)
        assert isinstance(twin, nn.Parameter)
        return twin

    def of_buffer(self, value: Tensor | None) -> Tensor | None:
        """The twin of a large one; any other buffer itself."""
        if not self.buffers or type(value) is not Tensor or value.is_meta or _is_special(value):
            return value
        if value.untyped_storage().nbytes() <= LARGE_BUFFER:
            return value
        twin = self._twin(value)
        if twin is None:
            twin = torch.empty_like(value, device=META)
            self._known[id(value)] = (weakref.ref(value), twin)
        return twin

    def _twin(self, value: Tensor) -> Tensor | None:
        """The twin made earlier for this very tensor: a parameter registered twice stays tied."""
        reference, twin = self._known.get(id(value), (None, None))
        return twin if reference is not None and reference() is value else None


def _is_special(value: Tensor) -> bool:
    return value.layout != torch.strided or value.is_quantized
