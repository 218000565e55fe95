"""What each rank of the networks beside this has, does and sends, by arithmetic on paper.

All numbers are of 4 bytes. A rank has T = 16 places (2 texts of 8) where the input is words. Products are
counted whole, as of a causal attention too. In the backward every product of a weight is done twice over,
once for the weight and once for what it was given; the fused attention does 5 for the forward's 2, since it
does its scores again. The optimizer is AdamW, which on a processor takes parameter after parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, prod
from typing import NamedTuple

from netscope.report.ranks import Repeated, Traffic

Shape = tuple[int, ...]
BYTES = 4


class Figures(NamedTuple):
    """Of one rank.

    shapes:
        of its parts of the parameters.
    global_macs:
        of the undivided module on what this rank is given.
    own:
        what is sent, by the module whose plan asks for it: what `parallelize_module` or `fully_shard` was
        applied to, or whose forward calls it.
    repeated:
        products that every rank of an axis does alike.
    inference_peak:
        bytes above parameters and input in a forward under `no_grad`; None where it was not worked out.
    """

    shapes: dict[str, Shape]
    macs: int
    backward_macs: int
    global_macs: int
    own: dict[str, tuple[Traffic, ...]]
    repeated: tuple[Repeated, ...] = ()
    inference_peak: int | None = None

    @property
    def traffic(self) -> tuple[Traffic, ...]:
        """Of all rows, those of one kind as one, sorted."""
        return summed(one for row in self.own.values() for one in row)


def summed(traffic: Iterable[Traffic]) -> tuple[Traffic, ...]:
    """Those of one kind, axis and phase as one, sorted."""
    found: dict[tuple[str, str, str], Traffic] = {}
    for one in traffic:
        key = one.collective, one.axis, one.phase
        before = found.get(key, one._replace(calls=0, buffer_bytes=0, wire_bytes=0))
        found[key] = one._replace(
            calls=before.calls + one.calls,
            buffer_bytes=before.buffer_bytes + one.buffer_bytes,
            wire_bytes=before.wire_bytes + one.wire_bytes,
        )
    return tuple(sorted(found.values()))


class Line(NamedTuple):
    """An axis as traffic names it."""

    name: str
    size: int
    stride: int = 1

    def sends(self, collective: str, phase: str, buffer: int, calls: int = 1) -> Traffic:
        """So many calls on a buffer each.

        By a ring, a rank passes on all of the buffer but one part; an all_reduce is a reduce_scatter and then
        an all_gather. Who sends to one other sends all, who receives sends nothing.
        """
        n = self.size
        share = {
            "all_reduce": Fraction(2 * (n - 1), n),
            "send": Fraction(1),
            "recv": Fraction(0),
        }.get(collective, Fraction(n - 1, n))
        wire = share * buffer * calls
        assert wire.denominator == 1
        reach = (n - 1) * self.stride + 1
        return Traffic(collective, self.name, n, reach, phase, calls, buffer * calls, int(wire))


def part(rows: int, ranks: int, rank: int) -> int:
    """How many of so many rows a rank has: each is filled before the next, so that the last may have none."""
    most = ceil(rows / ranks)
    return max(0, min(most, rows - rank * most))


def mlp(sizes: Sequence[int], rank: int) -> Figures:
    """6 rows of 16 through 32 hidden ones, which are divided, and a head that is not.

    "down" has partial sums of all its 6 x 16 results: an all_reduce. In the backward each rank has a part of
    the gradient of what "up" was given, because the norm before it has a weight: an all_reduce too.

    At most there are the activations of "down" (6 x 32/n), its result, and the sum of all ranks' results.
    """
    (n,) = sizes
    line = Line("tp", n)
    hidden = 32 // n
    up, down, head = 6 * 16 * hidden, 6 * hidden * 16, 6 * 16 * 12
    return Figures(
        shapes={
            "norm.weight": (16,),
            "up.weight": (hidden, 16),
            "up.bias": (hidden,),
            "down.weight": (16, hidden),
            "down.bias": (16,),
            "head.weight": (12, 16),
            "head.bias": (12,),
        },
        macs=up + down + head,
        backward_macs=2 * (up + down + head),
        global_macs=n * (up + down) + head,
        own={
            "up": (line.sends("all_reduce", "backward", 6 * 16 * BYTES),),
            "down": (line.sends("all_reduce", "forward", 6 * 16 * BYTES),),
        },
        repeated=(Repeated("head", "tp", n, head),),
        inference_peak=(6 * hidden + 6 * 16 + 6 * 16) * BYTES,
    )


def sequence_parallel(sizes: Sequence[int], rank: int) -> Figures:
    """4 heads of 4 are divided between the projections, 8 places outside of them.

    The whole of 2 x 8 x 16 is gathered before the attention and once at the end, and partial sums of it are
    scattered after the attention. Backward the two change places; the end's gathered result is cut, for which
    nothing is sent. Gradients of the norms' weights are partial sums, and stay so: each of the three times
    that AdamW takes one (once for the mean, twice for the square) it is summed anew.
    """
    (n,) = sizes
    line = Line("tp", n)
    places, heads = 16, 4 // n
    width = 4 * heads
    weights = 4 * places * 16 * width
    attention = 2 * (2 * heads) * 8 * 8 * 4
    whole = places * 16 * BYTES
    norm = (line.sends("all_reduce", "optimizer", 16 * BYTES, 3),)
    return Figures(
        shapes={
            "norm.weight": (16,),
            "attention.wq.weight": (width, 16),
            "attention.wk.weight": (width, 16),
            "attention.wv.weight": (width, 16),
            "attention.wo.weight": (16, width),
            "last_norm.weight": (16,),
        },
        macs=weights + attention,
        backward_macs=2 * weights + attention * 5 // 2,
        global_macs=n * (weights + attention),
        own={
            "": (line.sends("all_gather", "forward", whole),),
            "norm": norm,
            "attention": (
                line.sends("all_gather", "forward", whole),
                line.sends("reduce_scatter", "backward", whole),
            ),
            "attention.wo": (
                line.sends("reduce_scatter", "forward", whole),
                line.sends("all_gather", "backward", whole),
            ),
            "last_norm": norm,
        },
    )


class Llama(NamedTuple):
    """Sizes of one, and of what a rank is given: those of `tests.ranks.networks`."""

    layers: int = 2
    dim: int = 16
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 24
    words: int = 10
    texts: int = 2
    places: int = 8

    @property
    def blocks(self) -> list[str]:
        """Their paths."""
        return [f"layers.{i}" for i in range(self.layers)]

    def block(self, tp: int) -> dict[str, Shape]:
        """Of a block, what a rank has along tp."""
        keys = self.kv_heads * self.dim // self.heads
        return {
            "attention_norm.weight": (self.dim,),
            "attention.wq.weight": (self.dim // tp, self.dim),
            "attention.wk.weight": (keys // tp, self.dim),
            "attention.wv.weight": (keys // tp, self.dim),
            "attention.wo.weight": (self.dim, self.dim // tp),
            "feed_forward_norm.weight": (self.dim,),
            "feed_forward.w1.weight": (self.hidden // tp, self.dim),
            "feed_forward.w2.weight": (self.dim, self.hidden // tp),
            "feed_forward.w3.weight": (self.hidden // tp, self.dim),
        }

    def ends(self, tp: int) -> dict[str, Shape]:
        """The same of what is beside the blocks."""
        return {
            "embedding.weight": (self.words // tp, self.dim),
            "norm.weight": (self.dim,),
            "head.weight": (self.words // tp, self.dim),
        }

    def shards(self, tp: int, ranks: int, rank: int) -> dict[str, Shape]:
        """FSDP divides each parameter by its rows, whatever tensor parallelism has left of it."""
        whole = self.ends(tp)
        whole |= {f"{path}.{name}": shape for path in self.blocks for name, shape in self.block(tp).items()}
        return {name: (part(rows, ranks, rank), *rest) for name, (rows, *rest) in whole.items()}

    def macs(self, tp: int) -> tuple[int, int]:
        """Forward and backward. The embedding has no products; attention has two of all pairs of places."""
        block = sum(prod(shape) for shape in self.block(tp).values()) - 2 * self.dim
        weights = self.layers * block + self.words // tp * self.dim
        places = self.texts * self.places
        attention = self.layers * 2 * places * self.places * self.dim // tp
        return places * weights + attention, 2 * places * weights + attention * 5 // 2


SMALL = Llama()


def _gathered(shapes: Iterable[Shape], ranks: int) -> int:
    """Bytes of parameters that are gathered together, each filled up to a multiple of the ranks."""
    return sum(ranks * ceil(rows / ranks) * prod(rest) * BYTES for rows, *rest in shapes)


def _fully_sharded(llama: Llama, line: Line, tp: int = 1) -> dict[str, list[Traffic]]:
    """A block is gathered before its forward and again before its backward; the rest, gathered first, stays.

    Gradients are scattered once a block, and once for the rest.
    """
    rows: dict[str, list[Traffic]] = {}
    size = _gathered(llama.block(tp).values(), line.size)
    for path in llama.blocks:
        rows[path] = [
            line.sends("all_gather", "forward", size),
            line.sends("all_gather", "backward", size),
            line.sends("reduce_scatter", "backward", size),
        ]
    size = _gathered(llama.ends(tp).values(), line.size)
    rows[""] = [line.sends("all_gather", "forward", size), line.sends("reduce_scatter", "backward", size)]
    return rows


def _frozen(rows: dict[str, list[Traffic]]) -> dict[str, tuple[Traffic, ...]]:
    return {path: tuple(row) for path, row in rows.items()}


def sharded(sizes: Sequence[int], rank: int, llama: Llama = SMALL) -> Figures:
    """Every rank does all products, on texts of its own."""
    (n,) = sizes
    macs, backward = llama.macs(1)
    rows = _fully_sharded(llama, Line("dp", n))
    return Figures(llama.shards(1, n, rank), macs, backward, macs, _frozen(rows))


def hybrid(sizes: Sequence[int], rank: int, llama: Llama = SMALL) -> Figures:
    """As `sharded`; what a rank has of the gradients is then summed over the replicas."""
    replicas, n = sizes
    macs, backward = llama.macs(1)
    across = Line("replicate", replicas, n)
    rows = _fully_sharded(llama, Line("shard", n))
    for path, row in rows.items():
        shapes = (llama.block(1) if path else llama.ends(1)).values()
        row.append(across.sends("all_reduce", "backward", _gathered(shapes, n) // n))
    return Figures(llama.shards(1, n, rank % n), macs, backward, macs, _frozen(rows))


def tensor_and_data(sizes: Sequence[int], rank: int, llama: Llama = SMALL) -> Figures:
    """A rank has its heads and hidden ones (tp), and of their weights a part (dp).

    Along tp all that is gathered or scattered is a batch as wide as the llama, but for the scores of all
    words that the head gathers; those are cut in the backward. The norms' gradients are summed before they
    are sharded, so that the optimizer sends nothing.
    """
    dp, tp = sizes
    macs, backward = llama.macs(tp)
    rows = _fully_sharded(llama, Line("dp", dp, tp), tp)
    line = Line("tp", tp)
    places = llama.texts * llama.places
    whole = places * llama.dim * BYTES
    gathers = [line.sends("all_gather", "forward", whole), line.sends("reduce_scatter", "backward", whole)]
    scatters = [line.sends("reduce_scatter", "forward", whole), line.sends("all_gather", "backward", whole)]
    norm = [line.sends("all_reduce", "backward", llama.dim * BYTES)]
    rows |= {
        "embedding": scatters,
        "norm": norm,
        "head": [*gathers, line.sends("all_gather", "forward", places * llama.words * BYTES)],
    }
    for block in llama.blocks:
        rows |= {
            f"{block}.attention_norm": norm,
            f"{block}.attention": gathers,
            f"{block}.attention.wo": scatters,
            f"{block}.feed_forward_norm": norm,
            f"{block}.feed_forward": gathers,
            f"{block}.feed_forward.w2": scatters,
        }
    return Figures(llama.shards(tp, dp, rank // tp), macs, backward, llama.macs(1)[0], _frozen(rows))


def expert_parallel(sizes: Sequence[int], rank: int) -> Figures:
    """8 experts of 16 x 24 take 3 of each rank's 12 rows: a rank has 8/n of them, and 3n rows for each.

    So the ranks do as many products as one alone would. 8 x 3 rows of 16 go to the experts and come back.
    """
    (n,) = sizes
    line = Line("ep", n)
    experts = 8 // n
    macs = 12 * 16 * 8 + experts * (3 * n) * 2 * 16 * 24
    rows = 8 * 3 * 16 * BYTES
    return Figures(
        shapes={
            "norm.weight": (16,),
            "router.weight": (8, 16),
            "experts.up": (experts, 16, 24),
            "experts.down": (experts, 24, 16),
        },
        macs=macs,
        backward_macs=2 * macs,
        global_macs=macs,
        own={
            "": (
                line.sends("all_to_all", "forward", rows, 2),
                line.sends("all_to_all", "backward", rows, 2),
            )
        },
    )


# A pipeline: 8 microbatches of 2 rows.


def stage(sizes: Sequence[int], rank: int) -> Figures:
    """Each rank has two layers of 16 x 32. Nobody asks for the gradient of what the first is given.

    2 x 16 numbers of each microbatch go on, and their gradients come back.
    """
    (n,) = sizes
    line = Line("pp", n)
    layer = 8 * 2 * 16 * 32
    size = 2 * 16 * BYTES
    sent = []
    if rank < n - 1:
        sent += [line.sends("send", "forward", size, 8), line.sends("recv", "backward", size, 8)]
    if rank > 0:
        sent += [line.sends("recv", "forward", size, 8), line.sends("send", "backward", size, 8)]
    return Figures(
        shapes={"0.weight": (32, 16), "0.bias": (32,), "2.weight": (16, 32), "2.bias": (16,)},
        macs=2 * layer,
        backward_macs=(4 if rank else 3) * layer,
        global_macs=2 * layer,
        own={"": tuple(sent)},
    )


def order(schedule: str, stages: int, rank: int, microbatches: int) -> str:
    """What a stage does, F for a forward and B for a backward."""
    if schedule == "gpipe":
        return "F" * microbatches + "B" * microbatches
    first = min(microbatches, stages - rank)
    return "F" * first + "BF" * (microbatches - first) + "B" * first


def idle(schedule: str, microbatches: int, forward: Sequence[int], backward: Sequence[int]) -> list[Fraction]:
    """The part of a step in which each stage waits, if its forwards and backwards take so long.

    A forward waits for that of the stage before, a backward for that of the stage after.
    """
    stages = len(forward)
    orders = [order(schedule, stages, rank, microbatches) for rank in range(stages)]
    done: dict[tuple[int, str, int], int] = {}
    at, free = [0] * stages, [0] * stages
    while any(place < 2 * microbatches for place in at):
        for rank in range(stages):
            if at[rank] == 2 * microbatches:
                continue
            kind = orders[rank][at[rank]]
            count = orders[rank][: at[rank]].count(kind)
            other = rank - 1 if kind == "F" else rank + 1
            if 0 <= other < stages and (other, kind, count) not in done:
                continue
            begin = max(free[rank], done.get((other, kind, count), 0))
            free[rank] = begin + (forward if kind == "F" else backward)[rank]
            done[rank, kind, count] = free[rank]
            at[rank] += 1
    return [
        1 - Fraction(microbatches * (one + other), max(free))
        for one, other in zip(forward, backward, strict=True)
    ]


FIGURES = {
    "mlp": mlp,
    "sequence_parallel": sequence_parallel,
    "sharded": sharded,
    "tensor_and_data": tensor_and_data,
    "hybrid": hybrid,
    "expert_parallel": expert_parallel,
    "gpipe": stage,
    "1f1b": stage,
}
