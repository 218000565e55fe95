"""What a network takes of a device's memory, as values: the step that was recorded, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Moment(NamedTuple):
    """What is alive at an operator.

    part:
        of the step: "zero_grad", "forward", "loss", "backward", "optimizer".
    operator:
        by torch's name; "" before the first one.
    path:
        the layer that it is of; None for none.
    nbytes:
        the most that is alive while it runs, all included.
    """

    part: str
    operator: str
    path: str | None
    nbytes: int


class Holder(NamedTuple):
    """What is alive at the peak.

    role:
        "parameters", "buffers", "inputs", "optimizer state", "gradients", "saved for backward" or
        "activations and temporaries".
    path, operator:
        of what made it; None and "" for what was there before.
    blocks:
        how many pieces of memory that are.
    """

    role: str
    path: str | None
    operator: str
    nbytes: int
    blocks: int


class StepPart(NamedTuple):
    """A part of a step: bytes alive at its begin, at most, and at its end."""

    name: str
    begin: int
    most: int
    end: int


class Reserved(NamedTuple):
    """What torch's caching allocator for CUDA makes of a step, by a model of it.

    allocated:
        the most that it handed out, each piece rounded up to 512 bytes.
    reserved:
        the most that it had of the device, in segments.
    fragmented:
        what of that was free while the most was reserved.
    workspace:
        what of all three figures is cuBLAS's, and no tensor: a workspace for each thread that multiplies, of
        which autograd has one of its own.
    gpu:
        whose kernels and whose workspace; a usual one where none is there.
    """

    allocated: int
    reserved: int
    fragmented: int
    workspace: int = 0
    gpu: str = ""


class Sharded(NamedTuple):
    """A step of training on the rank that has most, by arithmetic; all in bytes.

    strategy, world:
        "zero1", "zero2", "zero3" or "fsdp", and over how many ranks.
    parameters, gradients, optimizer_state:
        that the rank has for good.
    gathered:
        of other ranks, parameters and gradients that are whole at the peak.
    peak:
        the most that is alive.
    units:
        paths of the blocks that are gathered one by one.
    """

    strategy: str
    world: int
    parameters: int
    gradients: int
    optimizer_state: int
    gathered: int
    peak: int
    units: tuple[str, ...]


class Measured(NamedTuple):
    """What a device's allocator recorded of the same step; in bytes.

    device:
        its name.
    inference_peak, training_peak:
        as those of `Memory`.
    reserved:
        the most that it had of the device for the step; None where it has no segments.
    """

    device: str
    inference_peak: int
    training_peak: int | None = None
    reserved: int | None = None


@dataclass(frozen=True, slots=True)
class StepMemory:
    """One step's memory over time.

    peak:
        the most that is alive, all included; `at` is where.
    scratch:
        what of the peak a kernel takes for as long as it runs.
    roles:
        {role: bytes} at the peak.
    holders:
        who is alive there, most first.
    timeline:
        what is alive when, in order; of a long step the highest of so many operators each.
    reserved:
        of the whole step; None where the step is of no device with such an allocator.
    """

    peak: int
    at: Moment
    scratch: int
    roles: dict[str, int]
    holders: tuple[Holder, ...]
    parts: tuple[StepPart, ...]
    timeline: tuple[Moment, ...]
    reserved: Reserved | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """A network's memory, in bytes, in a forward and where that was asked for in a step of training.

    device:
        whose kernels and rules were gone by: "cpu" or "cuda".
    optimizer, loss, amp, accumulate, set_to_none, checkpoint:
        how it is trained; as `netscope.memory` takes them.
    parameters, buffers, inputs:
        of the network and its call.
    gradients, optimizer_state:
        that are there after a step.
    inference_peak:
        the most that is alive in a forward under no_grad, without parameters and buffers.
    saved_for_backward:
        what autograd keeps when a forward in training is over.
    sharded:
        of one rank of many, where that was asked for.
    measured:
        what a run of it took, where that was asked for.
    """

    device: str
    parameters: int
    buffers: int
    inputs: int
    inference_peak: int
    inference: StepMemory
    training: StepMemory | None = None
    saved_for_backward: int | None = None
    gradients: int | None = None
    optimizer_state: int | None = None
    optimizer: str | None = None
    loss: str | None = None
    amp: str | None = None
    accumulate: int = 1
    set_to_none: bool = True
    checkpoint: tuple[str, ...] = ()
    sharded: Sharded | None = None
    measured: Measured | None = None

    @property
    def training_peak(self) -> int | None:
        """The most that is alive in a step of training, all included; None where that was not asked for."""
        return None if self.training is None else self.training.peak

    @property
    def step(self) -> StepMemory:
        """That of training, or else the forward's."""
        return self.inference if self.training is None else self.training


class LayerMemory(NamedTuple):
    """A layer's memory, in bytes, with everything inside it.

    saved:
        what autograd keeps of it for the backward, where that was first kept within it; None for inference.
    own_saved:
        the part of that which no layer inside it has kept.
    live:
        activations that are alive when its forward is over, inputs included; the most of several calls.
    peak:
        the most of these while it runs.
    """

    saved: int | None
    own_saved: int | None
    live: int | None
    peak: int | None
