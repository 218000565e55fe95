"""Random numbers of a real forward: of a generator of its own, from the same distributions."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netscope.base.workload import Workload
from netscope.trace import Trace, record

N = 4000
# Of the file, so that they are in no copy: the states of torch's generator around a draw, and what was drawn.
STATES: list[Tensor] = []
VALUES: list[list[float]] = []


class Draws(nn.Module):
    def __init__(self, draw: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, x: Tensor) -> Tensor:
        STATES.append(torch.get_rng_state())
        y = self.draw(x)
        STATES.append(torch.get_rng_state())
        VALUES.append(y.tolist())
        return y.to(x.dtype).sum()


def traced(draw: Callable[[Tensor], Tensor]) -> tuple[Trace, Tensor]:
    """The trace of a real forward, and what was drawn in it."""
    STATES.clear()
    trace = record(Workload("draws", Draws(draw), (torch.ones(N),)), ladder=("real",))
    return trace, torch.tensor(VALUES.pop(), dtype=torch.float64)


def about(mean: float, deviation: float) -> Callable[[Tensor], None]:
    """Of thousands of numbers the mean is within a few hundredths."""

    def check(drawn: Tensor) -> None:
        assert abs(drawn.mean().item() - mean) < 0.1 * deviation + 1e-9
        assert abs(drawn.std().item() - deviation) < 0.1 * deviation + 1e-9

    return check


def whole_numbers(low: int, high: int) -> Callable[[Tensor], None]:
    def check(drawn: Tensor) -> None:
        assert set(drawn.long().tolist()) == set(range(low, high))

    return check


def shuffled(drawn: Tensor) -> None:
    assert sorted(drawn.tolist()) == list(range(N))
    assert drawn.tolist() != list(range(N))


UNIFORM = about(0.5, 12**-0.5)
NORMAL = about(0, 1)
COIN = about(0.5, 0.5)

# What is drawn of N ones, and how that is distributed.
DRAWS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], None]]] = {
    "rand": (lambda x: torch.rand(N), UNIFORM),
    "rand as double": (lambda x: torch.rand((N,), dtype=torch.float64), UNIFORM),
    "randn": (lambda x: torch.randn(2, N // 2).flatten(), NORMAL),
    "randint": (lambda x: torch.randint(5, (N,)), whole_numbers(0, 5)),
    "randint from": (lambda x: torch.randint(-2, 5, (N,)), whole_numbers(-2, 5)),
    "randperm": (lambda x: torch.randperm(N), shuffled),
    "rand_like": (torch.rand_like, UNIFORM),
    "rand_like as double": (lambda x: torch.rand_like(x, dtype=torch.float64), UNIFORM),
    "randn_like": (torch.randn_like, NORMAL),
    "randint_like": (lambda x: torch.randint_like(x, 5), whole_numbers(0, 5)),
    "randint_like from": (lambda x: torch.randint_like(x, -2, 5), whole_numbers(-2, 5)),
    "dropout": (lambda x: nn.functional.dropout(x, 0.5, training=True), about(1, 1)),
    "dropout of little": (lambda x: nn.functional.dropout(x, 0.1, training=True), about(1, 1 / 3)),
    "dropout in place": (
        lambda x: nn.functional.dropout(x + 0, 0.5, training=True, inplace=True),
        about(1, 1),
    ),
    "dropout of all": (lambda x: nn.functional.dropout(x, 1.0, training=True), about(0, 0)),
    "native dropout": (lambda x: torch.native_dropout(x, 0.5, True)[0], about(1, 1)),
    "no dropout": (lambda x: nn.functional.dropout(x, 0.5, training=False), about(1, 0)),
    "alpha dropout": (lambda x: nn.functional.alpha_dropout(torch.randn_like(x), 0.3, training=True), NORMAL),
    "feature dropout": (
        lambda x: nn.functional.dropout1d(x.view(N, 1), 0.5, training=True).flatten(),
        about(1, 1),
    ),
    "rrelu": (lambda x: nn.functional.rrelu(-x, 0.0, 1.0, training=True), about(-0.5, 12**-0.5)),
    "gumbel softmax": (lambda x: nn.functional.gumbel_softmax(x.view(-1, 2), hard=True)[:, 0], COIN),
    "bernoulli": (lambda x: torch.bernoulli(x / 2), COIN),
    "bernoulli of": (lambda x: torch.bernoulli(x, 0.5), COIN),
    "multinomial": (lambda x: torch.multinomial(x[:4], N, replacement=True), whole_numbers(0, 4)),
    "multinomial once": (lambda x: torch.multinomial(x, N), shuffled),
    "normal": (lambda x: torch.normal(x, 2.0), about(1, 2)),
    "normal of deviations": (lambda x: torch.normal(1.0, x), about(1, 1)),
    "normal of both": (lambda x: torch.normal(x, x), about(1, 1)),
    "normal of a size": (lambda x: torch.normal(1.0, 2.0, (N,)), about(1, 2)),
    "poisson": (lambda x: torch.poisson(4 * x), about(4, 2)),
    "binomial": (lambda x: torch.binomial(4 * x, x / 2), about(2, 1)),
    "gamma": (lambda x: torch._standard_gamma(4 * x), about(4, 2)),
    "uniform_": (lambda x: torch.empty(N).uniform_(), UNIFORM),
    "normal_": (lambda x: torch.empty(N).normal_(), NORMAL),
    "bernoulli_": (lambda x: torch.empty(N).bernoulli_(0.5), COIN),
    "bernoulli_ of": (lambda x: torch.empty(N).bernoulli_(x / 2), COIN),
    "exponential_": (lambda x: torch.empty(N).exponential_(), about(1, 1)),
    "geometric_": (lambda x: torch.empty(N).geometric_(0.5), about(2, 2**0.5)),
    "log_normal_": (lambda x: torch.empty(N).log_normal_(std=0.1), about(2.732, 0.274)),
    "cauchy_": (lambda x: torch.empty(N).cauchy_().clamp(-1, 1), about(0, 0.77)),
    "random_": (lambda x: torch.empty(N).random_(5), whole_numbers(0, 5)),
    "random_ from": (lambda x: torch.empty(N).random_(2, 5), whole_numbers(2, 5)),
    "kaiming": (lambda x: nn.init.kaiming_uniform_(torch.empty(N, 1), a=1.0).flatten(), about(0, 1)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_drawn_from_a_generator_of_the_trace(name: str) -> None:
    """Torch's own stands still meanwhile, and not only afterwards."""
    draw, check = DRAWS[name]
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    _, drawn = traced(draw)
    check(drawn)
    assert all(torch.equal(state, before[0]) for state in STATES)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


# What stands for itself: deterministic, of quasi-random numbers, or of devices and layouts that are not here.
OTHERS = re.compile(
    r"_fill_mem_eff|_triton|_mps|_cudnn|_fused|miopen|_philox|_dropout_state|_scaled_dot_product|_flash|_efficient|nested|sobol"
)


def test_every_random_operator_is_drawn_or_known() -> None:
    """Of torch's overloads that say that they are random, without gradients and outputs given."""
    drawn = {name.partition(" ")[0].rstrip("_") for name in DRAWS} | {
        "dropout",
        "alpha_dropout",
        "feature_dropout",
    }
    random_ones = {
        name
        for name in sorted(
            # Of all that there are: `dir(torch.ops.aten)` has those that the process used.
            {
                full[6:].partition(".")[0]
                for full in torch._C._dispatch_get_all_op_names()
                if full[:6] == "aten::"
            }
        )
        for overload in [getattr(torch.ops.aten, name)]
        if hasattr(overload, "overloads")
        and any(torch.Tag.nondeterministic_seeded in getattr(overload, o).tags for o in overload.overloads())
    }
    assert len(random_ones) > 20
    known = {
        *("gru", "lstm", "rnn_tanh", "rnn_relu", "scaled_dot_product_attention"),  # whole: see below
        *("normal_functional", "rrelu_with_noise_functional"),  # are told a generator as others are
        "native_dropout",
        "rrelu_with_noise",
        "_standard_gamma",
        "_sample_dirichlet",
        "feature_alpha_dropout",
    }
    left = {one.rstrip("_") for one in random_ones} - drawn - known
    assert sorted(one for one in left if not OTHERS.search(one)) == []


def test_the_trace_goes_on_from_where_the_process_is() -> None:
    """A real forward has the numbers that its owner's next one has."""
    torch.manual_seed(11)
    _, drawn = traced(lambda x: torch.rand(N))
    assert torch.equal(torch.rand(N), drawn.float())


def test_draws_differ_within_a_forward() -> None:
    _, drawn = traced(lambda x: torch.rand(N) - torch.rand(N))
    assert drawn.std() > 0.3


def test_a_generator_of_the_modules_own_is_not_moved() -> None:
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    _, drawn = traced(lambda x: torch.rand(N, generator=generator))
    assert torch.equal(generator.get_state(), before)
    assert torch.equal(torch.rand(N, generator=generator), drawn.float())


def test_half_precision_stays() -> None:
    trace, drawn = traced(lambda x: torch.native_dropout(x.bfloat16(), 0.5, True)[0])
    about(1, 1)(drawn)
    (made,) = [op for op in trace.ops if "dropout" in op.operator.name]
    assert [output.dtype for output in made.operator.outputs] == ["bfloat16", "bool"]


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_drop_nothing(kind: type[nn.RNNBase]) -> None:
    """They are recorded whole, and no numbers are drawn for them."""
    module = kind(3, 4, num_layers=2, dropout=0.5)
    before = torch.get_rng_state()
    record(Workload("recurrent", module, (torch.ones(2, 1, 3),)), train=True, ladder=("real",))
    assert torch.equal(torch.get_rng_state(), before)


def test_attention_drops_nothing() -> None:
    def attends(x: Tensor) -> Tensor:
        q = x[:96].view(1, 2, 6, 8)
        return nn.functional.scaled_dot_product_attention(q, q, q, dropout_p=0.5)

    _, drawn = traced(attends)
    assert torch.allclose(drawn, torch.ones_like(drawn))  # of ones only the mean, unless some are dropped
    assert torch.equal(STATES[0], STATES[-1])
