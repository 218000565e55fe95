"""What a network takes of a device's memory, as values: the step that was recorded, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from netscope.report.cache import Cache


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
        "parameters", "buffers", "inputs", "optimizer state", "gradients", "gathered parameters" (of FSDP2's
        units, while they are whole), "saved for backward" or "activations and temporaries".
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


class Tried(NamedTuple):
    """A size that was tried: its step's memory in bytes; None where the network takes none of that size."""

    size: int
    nbytes: int | None


class Change(NamedTuple):
    """Something to change, and what came of it.

    what, typed:
        in words, and on the command line.
    saves, peak:
        bytes less than without it at the same size, and the bytes then.
    macs:
        of the step; None where an operator is not known.
    arithmetic:
        whether the results are others by more than the order of additions.
    largest:
        that fits with it; None where that was not searched for.
    """

    what: str
    typed: str
    saves: int
    peak: int
    macs: int | None
    arithmetic: bool
    largest: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """The largest size that fits in so much memory. Everything in bytes.

    machine:
        whose memory the limit is; None where it was given as it is.
    over:
        what varies: "batch", "sequence" or "context".
    measure:
        what must fit: "allocated", the most that is alive; on a GPU "reserved", the least that its allocator
        can serve the step with, in segments, when it gives free ones back.
    at_rest:
        what is there before the step; in training with the gradients of the last one.
    largest:
        the size; 0 where none fits.
    peak:
        of it; None where none fits.
    next_size, next_peak:
        the next one, which does not fit; None of bytes where there is no such step, or it was not tried.
    refused:
        why there is no step of the next size.
    bound, bound_by:
        where the search ended because it goes no further, and what of the network's configuration says so.
    tried:
        all sizes that were recorded.
    size, size_peak, macs:
        where changes were tried: the largest that fits, or the one asked for; its memory and its MACs.
    changes:
        those that save something, the most first.
    """

    limit: int
    machine: str | None
    over: str
    measure: str
    at_rest: int
    largest: int
    peak: int | None
    next_size: int
    next_peak: int | None
    refused: str | None
    bound: int | None
    bound_by: str | None
    tried: tuple[Tried, ...]
    size: int
    size_peak: int
    macs: int | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """A network's memory, in bytes, in a forward and where that was asked for in a step of training.

    device:
        whose kernels and rules were gone by: "cpu" or "cuda".
    optimizer, loss, amp, accumulate, set_to_none, checkpoint:
        how it is trained; as `netscope.memory` takes them.
    fit:
        the largest size that fits in so much memory, where that was asked for.
    parameters, buffers, inputs:
        of the network and its call.
    gradients, optimizer_state:
        that are there after a step.
    inference_peak:
        the most that is alive in a forward under no_grad, without parameters and buffers.
    saved_for_backward:
        what autograd keeps when a forward in training is over.
    cache:
        what a decoder keeps of a context, where that was asked for.
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
    cache: Cache | None = None
    sharded: Sharded | None = None
    measured: Measured | None = None
    fit: Fit | None = None

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
