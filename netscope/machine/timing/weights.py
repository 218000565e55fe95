"""Weights for a network that was built without any, made as fast as memory can be written.

How long a step takes depends on the shapes of weights, hardly on their values, as long as these are ordinary
numbers: denormals and NaNs slow processors down, zeros save GPUs power. So one block of noise is drawn and
laid out over all parameters, scaled to keep activations near one. A network's own initialisers take minutes
(truncated normals) for the same figure.
"""

from __future__ import annotations

import math
from typing import Final

import torch

from netscope.base.errors import UsageError, text_of
from netscope.base.meta.building import on_meta
from netscope.base.workload import Workload

# Elements of noise that are drawn; larger tensors repeat them.
_BLOCK: Final = 2**22
_SEED: Final = 0


def materialised(workload: Workload, device: str | torch.device) -> torch.nn.Module:
    """A new instance of a network that netscope builds from a name, with random weights on that device.

    It is in the mode in which its factory left it. No global generator is touched. A constructor that cannot
    do without real parameters, or derives a buffer's device from them, is run as it is: that takes longer.

    Raises:
        UsageError: the network is the user's own, which has weights.
        SourceError: it cannot be built again.
    """
    if workload.rebuild is None:
        raise UsageError(f"{workload.name} has weights of its own.")
    try:
        module = on_meta(workload.rebuild, buffers=False)
    except Exception as error:  # whatever the factory's code raises over a meta tensor
        told = [text_of(one) for one in (error, error.__cause__) if one is not None]
        if "meta" not in " ".join(told).lower():
            raise
        module = workload.rebuild()
    else:
        if any(buffer.is_meta for buffer in module.buffers()):
            module = workload.rebuild()
    fill(module, device)
    return module


def built(workload: Workload, device: str | torch.device) -> torch.nn.Module:
    """The same as its factory builds it, with the weights that it makes.

    Raises:
        UsageError, SourceError: as for `materialised`.
    """
    if workload.rebuild is None:
        raise UsageError(f"{workload.name} has weights of its own.")
    module = workload.rebuild()
    target = torch.device(device)
    # A tensor of parts lies where its mesh does.
    if any(type(one) is torch.nn.Parameter and one.device != target for one in module.parameters()):
        module.to(target)
    return module


def fill(module: torch.nn.Module, device: str | torch.device) -> None:
    """Give random values to every meta parameter, in place of it, and move all else to the device."""
    noise = _Noise(torch.device(device))
    made: dict[int, torch.nn.Parameter] = {}
    with torch.no_grad():
        for part in module.modules():
            for name, parameter in part._parameters.items():
                if parameter is None or not parameter.is_meta or torch.nn.parameter.is_lazy(parameter):
                    continue
                if id(parameter) not in made:  # a tied weight stays tied
                    made[id(parameter)] = noise.parameter(parameter, name)
                part._parameters[name] = made[id(parameter)]
        module.to(device)


class _Noise:
    """Uniform noise of variance 1, drawn once."""

    def __init__(self, device: torch.device) -> None:
        generator = torch.Generator(device).manual_seed(_SEED)
        side = math.sqrt(3)
        self._block = torch.empty(_BLOCK, device=device).uniform_(-side, side, generator=generator)
        self._next = 0

    def parameter(self, like: torch.nn.Parameter, name: str) -> torch.nn.Parameter:
        """A parameter with the shape, strides, dtype and marks of the meta one."""
        tensor = torch.empty_like(like, device=self._block.device)
        scale = _scale(tuple(like.shape))
        if scale is not None and (like.is_floating_point() or like.is_complex()):
            self._lay(tensor, scale)
        else:
            tensor.fill_(0 if "bias" in name else 1)
        made = torch.nn.Parameter(tensor, like.requires_grad)
        made.__dict__.update(like.__dict__)
        return made

    def _lay(self, tensor: torch.Tensor, scale: float) -> None:
        """Write the block over the tensor's memory as often as it takes, from another place each time."""
        flat = tensor.as_strided((tensor.numel(),), (1,))
        done = 0
        while done < len(flat):
            piece = self._block[self._next : self._next + len(flat) - done]
            flat[done : done + len(piece)].copy_(piece if scale == 1 else piece * scale)
            done += len(piece)
            self._next = (self._next + len(piece)) % _BLOCK


def _scale(shape: tuple[int, ...]) -> float | None:
    """The standard deviation that keeps a layer's output as large as its input; None for vectors.

    1 / sqrt(inputs of one output), as LeCun has it: with the usual rectifiers activations shrink by some
    halves at most, and where residual branches add up they cannot overflow half precision. Vectors are
    scales, which become 1, or biases, which become 0.
    """
    if len(shape) < 2:
        return None
    inputs = math.prod(shape[1:])
    return 1 / math.sqrt(inputs) if inputs else None
