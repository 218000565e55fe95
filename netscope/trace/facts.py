"""What a trace records: specs, names and identities. No tensor and no module outlives it.

Everything in a report, a diff or a memory timeline is a pure function of a `Trace`. What there are
thousands of is a named tuple, which costs a third of a frozen dataclass to make.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from netscope.base.workload import TensorSpec


class Whole(NamedTuple):
    """The tensor of which this rank has a part.

    shape:
        of all of it.
    placements:
        how it lies on each axis of its mesh, as ("tp", "S(0)"): "S" sharded along a dimension, "R"
        replicated, "P" partial sums.
    order:
        the axes, by their place in `placements`, in the order in which dimensions are divided along
        them.
    axes:
        of each placement how many ranks there are, and the step in ranks of the world from one to the next.
    """

    shape: tuple[int, ...]
    placements: tuple[tuple[str, str], ...]
    order: tuple[int, ...]
    axes: tuple[tuple[int, int], ...]

    def local(self, rank: int) -> tuple[int, ...]:
        """The part of a rank: each has the same number of rows, and the last ones what is left."""
        shape = list(self.shape)
        for index in self.order:
            placed = self.placements[index][1]
            if placed.startswith("S("):
                size, stride = self.axes[index]
                dim = int(placed[2:-1])
                each = -(-shape[dim] // size)
                shape[dim] = max(0, min(each, shape[dim] - each * (rank // stride % size)))
        return tuple(shape)

    @property
    def is_uneven(self) -> bool:
        """Whether ranks have parts of several sizes."""
        shape = list(self.shape)
        for index in self.order:
            placed = self.placements[index][1]
            if placed.startswith("S("):
                dim, size = int(placed[2:-1]), self.axes[index][0]
                if shape[dim] % size:
                    return True
                shape[dim] //= size
        return False


class Group(NamedTuple):
    """Ranks that take part in collectives together, by the name that operators know them by.

    shards:
        whether each of them has a batch of its own: they have the parts of parameters that FSDP2 makes whole,
        or replicas of these.
    """

    name: str
    ranks: tuple[int, ...]
    shards: bool = False


class Place(NamedTuple):
    """Which rank of how many a trace is of.

    axes:
        of the mesh that its tensors lie on, the outermost first: a name, how many ranks, and the step in
        ranks of the world from one to the next.
    stages:
        the one of them along which the stages of a pipeline lie; "" without any.
    """

    rank: int
    world: int
    axes: tuple[tuple[str, int, int], ...]
    stages: str = ""


class Redistributed(NamedTuple):
    """A divided tensor that was laid out anew.

    op:
        the collective (index into `Trace.ops`) that did it.
    operator:
        for whose sake torch did so by itself; "" where somebody asked for it.
    before, after:
        how it lay, and lies now.
    """

    op: int
    operator: str
    before: Whole
    after: Whole


class ParameterFact(NamedTuple):
    """One parameter or buffer of a module, by the name that the module gives it.

    identity:
        equal for two parameters that share storage (tied weights), unique otherwise.
    spec:
        the logical shape and dtype; for packed (quantised) weights the shape before packing.
    stored_bytes:
        the bytes that are really kept; less than `spec.nbytes` for packed weights.
    storage:
        index into `Trace.storages`, -1 when no operator met it.
    overlaps, overlap:
        identity of another one, met before, that lies in part of the same memory, and the bytes of that part;
        -1 and 0 where there is none.
    hidden:
        kept inside something else (a packed weight, a tensor subclass that computes with what it holds), so
        that operators may read it and not be seen to.
    whole:
        of what this is one rank's part; None for one that is not divided.
    """

    name: str
    spec: TensorSpec
    identity: int
    trainable: bool
    stored_bytes: int
    packed: bool = False
    storage: int = -1
    overlaps: int = -1
    overlap: int = 0
    hidden: bool = False
    whole: Whole | None = None


class ModuleFact(NamedTuple):
    """One module of the network, called or not.

    path:
        its qualified name ("features.0", "" for the root); a module that is reachable by several
        names has the first one here and the others in `aliases`; a module that is registered nowhere
        (kept in a plain list) gets the name of the attribute that holds it, and `registered` False.
    base:
        the nearest ancestor class that torch.nn defines ("Conv2d" for a subclass of Conv2d).
    hyperparameters:
        its plain attributes (kernel_size, stride, num_heads, ...): int, float, bool, str, None or
        tuples of these.
    detail:
        its `extra_repr()`.
    """

    path: str
    type: str
    base: str
    qualname: str
    hyperparameters: dict[str, Any]
    detail: str
    parameters: tuple[ParameterFact, ...]
    buffers: tuple[ParameterFact, ...]
    training: bool
    registered: bool = True
    aliases: tuple[str, ...] = ()


class Value(NamedTuple):
    """One leaf of a call's arguments or results.

    place:
        where in the pytree: "" for a lone tensor, "0", "a", "b.1".
    spec:
        None when the leaf is no tensor.
    opaque:
        the type's name of a leaf that is neither tensor nor plain value ("Categorical").
    storage:
        index into `Trace.storages`, or -1.
    whole:
        of what this is one rank's part; None for one that is not divided.
    """

    place: str
    spec: TensorSpec | None
    opaque: str | None = None
    storage: int = -1
    whole: Whole | None = None


class ModuleCall(NamedTuple):
    """One call of a module. `parent` is the index of the call that made it, -1 for the root.

    path:
        the qualified name under which it was reached, so a shared module has one path per place.
    first_op, last_op:
        the operators between entry and exit are `Trace.ops[first_op:last_op]`.
    completed:
        False where the forward raised inside it.
    """

    module: int
    path: str
    parent: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    first_op: int
    last_op: int
    completed: bool


class Operator(NamedTuple):
    """What was run: an operator on given specs. Calls with equal arguments share one object.

    name:
        qualified with its overload, as in "aten.add.Tensor".
    args, kwargs:
        the arguments, tensors replaced by TensorSpec (inside lists too).
    outputs:
        specs of the tensors returned, in order.
    tags:
        of "view", "inplace", "factory", "pointwise": what torch's own schema says of it.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[TensorSpec, ...]
    tags: frozenset[str] = frozenset()


class OpCall(NamedTuple):
    """One execution of an operator within the module call `call` (index into `Trace.calls`).

    `reads` and `writes` are storages (indices into `Trace.storages`), in argument and result order.
    """

    operator: Operator
    call: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]


class Storage(NamedTuple):
    """One block of memory: its bytes and the operator (index into `Trace.ops`) that made it.

    `born` is -1 for inputs, parameters, buffers and constants, which were there before.
    """

    nbytes: int
    born: int


class Unseen(NamedTuple):
    """Work that the recording could not see.

    call:
        the innermost call (index into `Trace.calls`) that it is known to belong to; -1 when that is not
        known, which is then the root.
    what:
        in words for people: "work in a thread of its own", "arithmetic in numpy".
    """

    call: int
    what: str


class Trace(NamedTuple):
    """Everything that one forward did. `calls` are in the order in which they were entered.

    rung:
        "meta", "fake" or "real": what the tensors were made of; `rung_reason` says why not meta.
    error, error_path:
        what the forward raised, and in which module, when it did not finish.
    seconds:
        wall time of recording.
    unseen:
        what the recording could not see, so that figures are lower bounds.
    place, groups, redistributed:
        of a network that is divided among ranks; None and nothing for any other.
    """

    modules: tuple[ModuleFact, ...]
    calls: tuple[ModuleCall, ...]
    ops: tuple[OpCall, ...]
    storages: tuple[Storage, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    training: bool
    rung: str
    rung_reason: str
    seconds: float
    error: str | None = None
    error_path: str = ""
    notes: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    place: Place | None = None
    groups: tuple[Group, ...] = ()
    redistributed: tuple[Redistributed, ...] = ()
