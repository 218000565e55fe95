"""How a cache is told by how it grows: every figure from lengths made up by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netscope.answers.memory.cache import Seen, cache_from
from netscope.base.workload import TensorSpec
from netscope.report.cache import Cache
from netscope.trace.decoding import Held

# A tensor as its bytes by the tokens that were seen; the elements are bytes.
Grows = Callable[[int], int]
FAR = 2**20


def full(tokens: int) -> int:
    return 10 * tokens


def window(tokens: int) -> int:
    return 10 * min(tokens, 128)


def tiny(tokens: int) -> int:
    return 10 * min(tokens, 4)


def state(tokens: int) -> int:
    return 700


def blocks(tokens: int) -> int:
    """One of 100 bytes for every 16 tokens."""
    return 100 * (tokens // 16)


def quads(tokens: int) -> int:
    """One of 100 bytes for every 4 tokens, so that it grows just where a window of four would."""
    return 100 * (tokens // 4)


def buffer(tokens: int) -> int:
    """What is left over of blocks of 16."""
    return 10 * (tokens % 16)


def told(
    *tensors: Grows,
    context: int = 1000,
    batch: int = 1,
    at: int | None = None,
    far: bool = True,
    prefill: Grows | None = None,
    encoder: int | None = None,
    projected: bool = False,
    shape: tuple[int, ...] | None = None,
) -> Cache:
    at = context if at is None else at

    def held(tokens: int, by: tuple[Grows, ...] = tensors) -> list[Held]:
        return [
            Held(
                f"{i}.x", TensorSpec(shape or (one(tokens),), "int8"), i, one(tokens), f"block.{i}", projected
            )
            for i, one in enumerate(by)
        ]

    return cache_from(
        Seen(
            (held(3), held(4), held(5)),
            at,
            held(at),
            held(at + 1),
            None if prefill is None else held(at, (prefill,)),
            held(at + FAR) if far else None,
            FAR if far else 0,
        ),
        context=context,
        batch=batch,
        encoder=encoder,
    )


@pytest.mark.parametrize(
    ("grows", "kind", "nbytes", "a_token", "next_token", "most"),
    [
        (full, "full", 10_000, 10, 10, None),
        (window, "window", 1280, 10, 0, 128),
        (tiny, "window", 40, 10, 0, 4),
        (state, "state", 700, 0, 0, None),
        (blocks, "stepped", 6200, 6.25, 0, None),
        (quads, "stepped", 25_000, 25, 0, None),
        (buffer, "buffer", 80, 0, 10, None),
    ],
)
def test_by_how_it_grows(
    grows: Grows, kind: str, nbytes: int, a_token: float, next_token: int, most: int | None
) -> None:
    cache = told(grows)
    assert [layer.kind for layer in cache.layers] == [kind]
    assert cache.nbytes == nbytes
    assert cache.bytes_per_token == a_token
    assert cache.bytes_per_token_at_context == next_token
    assert cache.layers[0].window == most
    assert (cache.layers[0].place, cache.layers[0].path) == ("0", "block.0")


def test_totals_are_of_all_layers() -> None:
    cache = told(full, window, state)
    assert cache.nbytes == 10_000 + 1280 + 700
    assert (cache.bytes_per_token, cache.bytes_per_token_at_context) == (20, 10)
    assert {kind: len(layers) for kind, layers in cache.by_kind().items()} == {
        "full": 1,
        "window": 1,
        "state": 1,
    }


def test_of_one_sequence() -> None:
    cache = told(lambda tokens: 80 * tokens, batch=8)
    assert (cache.bytes_per_token, cache.bytes_per_token_at_context, cache.nbytes) == (10, 10, 80_000)


def test_a_window_that_is_not_full_yet() -> None:
    cache = told(window, context=100)
    assert [(layer.kind, layer.window) for layer in cache.layers] == [("window", 128)]
    assert (cache.nbytes, cache.bytes_per_token_at_context) == (1000, 10)
    # Who does not look far takes it for one without end.
    assert [layer.kind for layer in told(window, context=100, far=False).layers] == ["full"]


@pytest.mark.parametrize("grows", [full, window, state])
def test_a_line_is_drawn_on(grows: Grows) -> None:
    near = told(grows, at=500, far=False)
    assert near.nbytes == told(grows).nbytes
    assert near.bytes_per_token_at_context == told(grows).bytes_per_token_at_context
    assert (near.traced, near.context) == (500, 1000)


@pytest.mark.parametrize("grows", [blocks, quads, buffer])
def test_nothing_else_is(grows: Grows) -> None:
    cache = told(full, grows, at=500, far=False)
    assert cache.layers[1].kind == "unknown"
    assert cache.layers[0].nbytes == 10_000
    assert cache.nbytes is cache.bytes_per_token is cache.bytes_per_token_at_context is None


def test_what_is_given_at_once() -> None:
    """A window that is a view of the whole keeps all of it; one that is a copy does not."""
    assert told(window, prefill=full).after_prefill == 10_000
    assert told(window, prefill=full, at=500).after_prefill == 10_000
    assert told(window, prefill=window, at=500).after_prefill == 1280
    # A view of keys, values and queries: how that goes on was not seen.
    assert told(full, prefill=lambda tokens: 30 * tokens).after_prefill == 30_000
    assert told(full, prefill=lambda tokens: 30 * tokens, at=500).after_prefill is None


@pytest.mark.parametrize("grows", [full, window, state])
@pytest.mark.parametrize("context", [50, 128, 129, 5000])
def test_at_another_context(grows: Grows, context: int) -> None:
    assert told(grows, context=1000).at(context) == grows(context)
    assert told(grows, context=100).at(context, 3) == 3 * grows(context)


def test_at_another_context_given_at_once() -> None:
    assert told(window, prefill=full).at(5000, prefill=True) == 50_000
    assert told(window, prefill=window).at(5000, prefill=True) == 1280
    # With a window that is not full, a view and a copy are the same.
    assert told(window, prefill=full, context=100).at(5000, prefill=True) is None
    assert told(window, prefill=full, context=100).at(120, prefill=True) == 1200
    assert told(blocks).at(5000) is None
    assert told(buffer).at(5000) is None


def test_beside_an_encoder() -> None:
    assert told(state, encoder=50, shape=(2, 50, 7)).layers[0].kind == "cross"
    assert told(state, encoder=50, shape=(2, 51, 7)).layers[0].kind == "state"
    assert told(full, encoder=50, shape=(2, 50, 7)).layers[0].kind == "full"


def test_a_latent_is_read_through_weights() -> None:
    assert told(full, projected=True).layers[0].kind == "latent"
    assert told(window, projected=True).layers[0].kind == "window"


def layer(*held: Held) -> Cache:
    return cache_from(Seen((held,) * 3, 9, held, held, held, held, FAR), context=9, batch=1)


def test_a_storage_counts_once() -> None:
    one = Held("0.k", TensorSpec((4,), "int8"), 7, 12, "", False)
    cache = layer(one, one._replace(place="0.v"), one._replace(place="1.k", storage=8))
    assert [[t.nbytes for t in layer.tensors] for layer in cache.layers] == [[12, 0], [12]]
    assert cache.nbytes == 24


def test_single_numbers_are_no_kind() -> None:
    state = Held("layers.0.x", TensorSpec((4,), "int8"), 7, 4, "block", False)
    number = Held("layers.0.n", TensorSpec((), "int64"), 8, 8, "", False)
    cache = layer(number, state)
    assert [(one.kind, one.nbytes, one.path) for one in cache.layers] == [("state", 12, "block")]
    assert [(t.name, t.kind) for t in cache.layers[0].tensors] == [("n", "scalar"), ("x", "state")]


def test_layers_with_both() -> None:
    state = Held("layers.0.x", TensorSpec((4,), "int8"), 7, 4, "", False)
    grown = [state._replace(place="layers.0.k", storage=8, nbytes=10 * n) for n in (3, 4, 5, 100, 101)]
    few, some, several, here, more = ((state, one) for one in grown)
    cache = cache_from(Seen((few, some, several), 100, here, more), context=100, batch=1)
    assert [one.kind for one in cache.layers] == ["state + full"]
