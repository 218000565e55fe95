"""What an example input is made from: a network, its configuration, and the signature of its forward."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from torch import nn

from netscope.base.workload import TensorSpec
from netscope.sources.huggingface.repair import text_config

_GATHERING: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
# Side of an image for networks that take any size.
IMAGE_SIDE: Final = 224
# Elements of an input whose values a forward may ask for.
_SMALL: Final = 2**16


@dataclass(frozen=True)
class Network:
    """A network that was built, and the batch of a call."""

    module: nn.Module
    batch: int

    @cached_property
    def config(self) -> Any:
        """Its configuration."""
        network: Any = self.module
        return network.config

    @cached_property
    def text(self) -> Any:
        """The part of it that is for text."""
        return text_config(self.config)

    @cached_property
    def architecture(self) -> str:
        """The name of its class."""
        return type(self.module).__name__

    @cached_property
    def taken(self) -> dict[str, inspect.Parameter]:
        """What its forward takes."""
        return dict(inspect.signature(self.module.forward).parameters)

    @cached_property
    def needed(self) -> list[str]:
        """Those that it cannot do without."""
        return [n for n, p in self.taken.items() if p.default is p.empty and p.kind not in _GATHERING]

    @cached_property
    def main(self) -> list[str]:
        """Those that it names as its main ones."""
        network: Any = self.module
        named = network.main_input_name
        return [named] if isinstance(named, str) else list(named)

    @cached_property
    def dtype(self) -> str:
        """Of its weights."""
        found = (str(p.dtype) for p in self.module.parameters() if p.is_floating_point())
        return next(found, "float32").removeprefix("torch.")

    @cached_property
    def writes(self) -> bool:
        """Whether it writes a text, token by token."""
        can_generate = getattr(self.module, "can_generate", None)
        return bool(can_generate()) if callable(can_generate) else False

    def part(self, *names: str) -> Any:
        """The first of these parts that the configuration has, else the whole of it."""
        for name in names:
            found = getattr(self.config, name, None)
            if found is not None and not isinstance(found, dict):
                return found
        return self.config

    def floats(self, *sample: int) -> TensorSpec:
        """Numbers of one sample's shape."""
        return TensorSpec((self.batch, *sample), self.dtype)

    def ids(self, *sample: int) -> TensorSpec:
        """Token ids of one sample's shape."""
        return TensorSpec((self.batch, *sample), "int64")

    def filled(self, value: int | bool, *sample: int) -> Any:
        """The same integer everywhere, as a value that the forward can ask for, unless that is large."""
        import torch

        dtype = torch.bool if isinstance(value, bool) else torch.int64
        shape = (self.batch, *sample)
        spec = TensorSpec(shape, str(dtype).removeprefix("torch."))
        return torch.full(shape, value, dtype=dtype) if spec.numel <= _SMALL else spec

    def each(self, *values: int) -> Any:
        """These integers for each sample."""
        import torch

        return torch.tensor([values] * self.batch)


def number(part: Any, *fields: str, otherwise: int) -> int:
    """The first of these fields that is a positive integer."""
    for field in fields:
        value = getattr(part, field, None)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return otherwise


def first_layer(module: nn.Module, *kinds: type[nn.Module]) -> Any:
    """The first layer of these kinds, in the order of registration; None where there is none."""
    return next((layer for layer in module.modules() if isinstance(layer, kinds)), None)
