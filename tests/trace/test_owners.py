"""Nothing that an owner has changes, whatever its forward does to it, and figures are the same every time.

The owners are in `tests/owners`, a function each; what they have is described there too, by other means than
netscope's own.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

import netscope
from netscope.base.errors import NetscopeError, TraceError
from netscope.base.workload import Workload
from netscope.report.report import Report
from netscope.trace import ForwardError, record
from tests.owners.describe import Description, describe, differences
from tests.owners.every import OWNERS, Made, Owner, run, seed

pytestmark = pytest.mark.filterwarnings("ignore")

RUNGS = ("meta", "fake", "real")
# As little as can be measured.
QUICK: dict[str, Any] = {"device": "cpu", "warmup": 0.0, "max_time": 0.001, "device_spec": "none"}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """What the first call imports is no change of the owner's."""
    workload = Workload("warm", nn.Linear(4, 4), (torch.ones(2, 4),))
    for rung in RUNGS:
        record(workload, ladder=(rung,))
    netscope.lint(workload)
    netscope.check(workload, "macs<=1K")
    netscope.diff(workload, workload)


@pytest.fixture(autouse=True)
def process_put_back() -> Iterator[None]:
    with process_kept():
        yield


@contextlib.contextmanager
def process_kept() -> Iterator[None]:
    """Some owners change the process when they run by themselves."""
    limit, collected = sys.getrecursionlimit(), gc.isenabled()
    with warnings.catch_warnings():
        yield
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.set_autocast_enabled("cpu", False)
    sys.setrecursionlimit(limit)
    (gc.enable if collected else gc.disable)()


@pytest.fixture(params=OWNERS)
def owner(request: pytest.FixtureRequest) -> Owner:
    found = OWNERS[request.param]
    if found.needs is not None and importlib.util.find_spec(found.needs) is None:
        pytest.skip(f"{found.needs} is not installed")
    return found


def all_of(made: Made, **how: Any) -> Description:
    return describe(made.module, made.args, made.kwargs, made.beside, **how)


def asked(made: Made, owner: Owner) -> dict[str, Any]:
    return {"args": made.args, "kwargs": made.kwargs, "train": owner.train}


VERBS: dict[str, Callable[[Made, Owner], Any]] = {
    "summary": lambda made, owner: netscope.summary(made.module, **asked(made, owner)),
    "diff": lambda made, owner: netscope.diff(made.module, made.module, **asked(made, owner)),
    "explain": lambda made, owner: netscope.explain(made.module, **asked(made, owner)),
    "lint": lambda made, owner: netscope.lint(made.module, **asked(made, owner)),
    "check": lambda made, owner: netscope.check(made.module, "macs<=1T", **asked(made, owner)),
}


def may_fail(owner: Owner) -> contextlib.AbstractContextManager[object]:
    """Those whose own forward raises must end in one clear error; the others must not."""
    return pytest.raises(TraceError) if owner.raises else contextlib.nullcontext()


# -- The proof itself


@functools.cache
def compiler_at_work() -> None:
    """torch.compile patches torch when it is first used in a process, which is not the owner's doing."""
    torch.compile(torch.nn.Linear(2, 2), backend="eager")(torch.ones(1, 2))


def test_a_description_sees_what_the_forward_does_and_nothing_else(owner: Owner) -> None:
    if "compile" in owner.awkward:
        compiler_at_work()
    made = owner.make()
    seed(1)
    before = all_of(made)
    assert differences(before, all_of(made)) == []
    run(made)
    assert bool(differences(before, all_of(made))) is not owner.quiet


def test_two_of_a_maker_are_equal(owner: Owner) -> None:
    one, other = (outcome(owner.make()) for _ in range(2))
    assert differences(one, other) == []


def outcome(made: Made) -> Description:
    """What the owner's own call returns and what it leaves behind, without identities."""
    with process_kept():
        result = run(made)
        return describe(made.module, (made.args, result), made.kwargs, made.beside, identity=False)


# -- The owner's things


def test_nothing_changes(owner: Owner) -> None:
    made = owner.make()
    before = all_of(made)
    with may_fail(owner):
        VERBS["summary"](made, owner)
    assert differences(before, all_of(made)) == []


@pytest.mark.whole
def test_nothing_changes_by_any_verb(owner: Owner) -> None:
    made = owner.make()
    before = all_of(made)
    for verb in VERBS:
        if verb == "summary":
            continue
        with may_fail(owner):
            VERBS[verb](made, owner)
        assert (verb, differences(before, all_of(made))) == (verb, [])


def test_the_owner_goes_on_as_if_nobody_had_asked(owner: Owner) -> None:
    made = owner.make()
    for _ in range(3):
        with contextlib.suppress(NetscopeError):
            VERBS["summary"](made, owner)
    left = outcome(made)
    assert differences(outcome(owner.make()), left) == []


class Ends(nn.Module):
    """Runs the owner's module, then ends in an error."""

    def __init__(self, inner: nn.Module, error: type[BaseException]) -> None:
        super().__init__()
        self.inner = inner
        self.error = error

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        self.inner(*args, **kwargs)
        raise self.error


ENDS: tuple[type[BaseException] | None, ...] = (None, RuntimeError, KeyboardInterrupt)


@pytest.mark.whole
@pytest.mark.parametrize("rung", RUNGS)
def test_nothing_changes_on_any_rung(owner: Owner, rung: str) -> None:
    """Whether the forward returns, raises at its end or is interrupted there."""
    made = owner.make()
    before = all_of(made)
    for end in ENDS:
        module = made.module if end is None else Ends(made.module, end)
        # Some cannot do on some rung; they must be left alone all the same.
        with contextlib.suppress(ForwardError, NetscopeError, KeyboardInterrupt):
            record(Workload("owner", module, made.args, made.kwargs), train=owner.train, ladder=(rung,))
        assert (end, differences(before, all_of(made))) == (end, [])


def test_nothing_changes_when_the_input_does_not_fit(owner: Owner) -> None:
    made = owner.make()
    before = all_of(made)
    with contextlib.suppress(NetscopeError):
        netscope.summary(made.module, args=(torch.ones(3, 7), *made.args[1:]), kwargs=made.kwargs)
    assert differences(before, all_of(made)) == []


# -- The figures


def figures(report: Report) -> list[Any]:
    return [
        (x.path, x.type, x.calls, x.macs, x.params, x.output_bytes, x.output_shapes) for x in report.layers
    ]


def test_figures_are_the_same_every_time(owner: Owner) -> None:
    made = owner.make()
    if owner.raises:
        reports = []
        for _ in range(3):
            with pytest.raises(TraceError) as caught:
                VERBS["summary"](made, owner)
            reports.append(caught.value.report)
    else:
        reports = [VERBS["summary"](made, owner) for _ in range(3)]
        if owner.macs is not None:
            assert reports[0].counted_macs == owner.macs
    first, second, third = reports
    assert figures(second) == figures(first)
    assert figures(third) == figures(first)
    assert (second.macs, second.params, second.output_bytes) == (first.macs, first.params, first.output_bytes)


def test_what_one_trace_left_in_a_cache_is_of_no_matter_to_the_next() -> None:
    """A table that a deep network asked for first, then a shallow one whose trace has fewer tensors."""
    tables: dict[int, torch.Tensor] = {}

    class Windowed(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.layers = nn.Sequential(*(nn.Linear(8, 8) for _ in range(depth)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.layers(x)
            if 8 not in tables:
                tables[8] = torch.hann_window(8)[None]
            return y * tables[8]

    x = torch.randn(2, 8)
    for depth in (30, 1, 2):
        assert netscope.summary(Windowed(depth), args=(x,)).macs == depth * 2 * 8 * 8
    assert tables == {}
    assert torch.equal(Windowed(0)(x), x * torch.hann_window(8))


# -- Profiles, which run a twin on the owner's own weights

FEW = (
    "batch_norm",
    "cache_attribute",
    "counts_in_buffer",
    "dropout",
    "global_dict",
    "hidden_in_tuple",
    "lora_training",
    "lora_merged",
    "torch_generator",
    "trains_itself",
)


def profiled(owner: Owner) -> None:
    made = owner.make()
    # Real steps may move the counters of tensors, and nothing else.
    before = all_of(made, versions=False)
    # Many steps are run, and some owners cannot be called twice.
    with contextlib.suppress(NetscopeError):
        netscope.profile(made.module, **asked(made, owner), **QUICK)
    assert differences(before, all_of(made, versions=False)) == []


@pytest.mark.parametrize("name", FEW)
def test_a_profile_changes_nothing(name: str) -> None:
    profiled(OWNERS[name])


@pytest.mark.slow
def test_no_profile_changes_anything(owner: Owner) -> None:
    if not owner.measured:
        pytest.skip("there is nothing to run")
    profiled(owner)
