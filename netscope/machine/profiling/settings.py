"""How a network is to be profiled, checked before anything is built."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from operator import index
from typing import TYPE_CHECKING, Any, Final

from netscope.base import arguments
from netscope.base.errors import UsageError
from netscope.report.measured.samples import Pace

if TYPE_CHECKING:
    from netscope.machine.timing.devices import DeviceSpec

# What is told while a profile is made: what is done now, and which share of the whole is done.
Watcher = Callable[[str, float], None]

# "--device-spec": the table's machine of the driver's name, else as calibrated; as calibrated; no roof.
AUTO: Final = "auto"
HERE: Final = "here"
NONE: Final = "none"

# What people type -> how torch calls it, and how machines' peaks are told.
DTYPES: Final[dict[str, str]] = {
    "fp32": "float32",
    "tf32": "float32",
    "bf16": "bfloat16",
    "fp16": "float16",
}
# Machines have fewer, and torch ends the process when it cannot start one.
_MOST_THREADS: Final = 1024
# Seconds without a move, of ranks that are compiled.
_COMPILER: Final = 600.0
# Ranks say twice a second that they live.
_LEAST_PATIENCE: Final = 2.0
# A time that was asked for is filled by about so many rounds.
_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is measured and for how long.

    dtype:
        a key of `DTYPES`; None for the network's own.
    cold_cache:
        whether caches are written over before each step.
    device_spec:
        the machine that layers are held against: a name of `timing.devices`, "auto", "here" or "none".
    layers:
        whether layers are timed too, and not steps alone.
    as_built:
        whether a factory itself makes the weights, as it has to where each rank has a part of them; else
        they are random.
    """

    train: bool = False
    optimizer: str = "adamw"
    dtype: str | None = None
    channels_last: bool = False
    compile: bool = False
    cuda_graph: bool = False
    cold_cache: bool = False
    threads: int | None = None
    device_spec: str = AUTO
    pace: Pace = field(default_factory=Pace)
    layers: bool = True
    as_built: bool = False


def checked(settings: Settings) -> Settings:
    """The same settings, once they make sense together.

    Raises:
        UsageError: they do not.
    """
    from netscope.machine.timing.devices import spec_of

    if settings.cuda_graph and settings.train:
        raise UsageError(
            "a training step is not replayed as a graph.", hint="leave out --train or --cuda-graph"
        )
    if settings.cuda_graph and settings.compile:
        raise UsageError("--compile and --cuda-graph are two ways to call a network.", hint="use one of them")
    if settings.device_spec not in (AUTO, HERE, NONE):
        spec_of(settings.device_spec)
    return settings


def dtype_of(text: str | None) -> str | None:
    """The key of `DTYPES` that people mean: "bfloat16" -> "bf16".

    Raises:
        UsageError: it is none of them.
    """
    if text is None:
        return None
    from netscope.base.workload import parse_dtype

    plain = arguments.dtype("dtype", text).strip().lower()
    if plain in DTYPES:
        return plain
    with suppress(UsageError):  # which offers what cannot be measured
        plain = parse_dtype(plain)
    found = next((key for key, name in DTYPES.items() if name == plain), None)
    if found is None:
        raise UsageError(
            f"steps in {plain} are neither measured nor bounded.", hint=f"use {', '.join(DTYPES)}"
        )
    return found


def threads_of(number: int | None) -> int | None:
    """So many threads of the host.

    Raises:
        UsageError: so many are none, or more than torch starts without ending the process.
    """
    if number is None:
        return None
    if not arguments.is_whole(number) or not 1 <= number <= _MOST_THREADS:
        raise UsageError(
            f"{arguments.told(number)} threads cannot compute.", hint=f"give 1 to {_MOST_THREADS:,}"
        )
    return index(number)


def device_spec_of(value: str | DeviceSpec) -> str:
    """The name of a machine; its entry in `device_specs()` stands for it."""
    name = getattr(value, "name", value)
    return arguments.text("device_spec", name, 'write device_spec="h200"')


def optimizer_of(name: str | None, train: bool) -> str:
    """The optimizer of a training step: "adamw" where none is told.

    Raises:
        UsageError: there is no such optimizer, or no training for it.
    """
    from netscope.machine.timing.steps import optimizer_named

    if name is None:
        return "adamw"
    optimizer_named(arguments.text("optimizer", name, 'write optimizer="sgd"'))
    if not train:
        raise UsageError("an optimizer is of training steps.", hint="add --train, or leave out --optimizer")
    return name


def pace_of(
    warmup: float | None = None, min_time: float | None = None, max_time: float | None = None
) -> Pace:
    """How long to warm up and to measure at least, and at most, in seconds; the defaults where not told.

    Raises:
        UsageError: a time is below zero, or the least is above the most.
    """
    warmup, min_time = _seconds("the warm-up", warmup), _seconds("the least time", min_time)
    max_time = _seconds("the most time", max_time)
    usual = Pace()
    if min_time is not None and max_time is not None and max_time < min_time:
        raise UsageError(f"the least time ({min_time:g} s) is more than the most ({max_time:g} s).")
    limit = max(usual.limit, min_time or 0.0) if max_time is None else max(max_time, 1e-3)
    least = min_time or 0.0
    round_seconds = max(usual.round_seconds, least / _ROUNDS)
    before = usual.warmup_seconds if warmup is None else warmup
    return Pace(
        warmup_seconds=before,
        warmup_limit=max(usual.warmup_limit, 2 * before) if max_time is None else max(before, limit),
        round_seconds=min(round_seconds, limit / usual.rounds),
        rounds=max(usual.rounds, math.ceil(least / round_seconds)),
        limit=limit,
    )


def patience_of(seconds: float | None, *, compiled: bool = False) -> float | None:
    """For how long ranks may not move before they are given up; None where not told.

    compiled:
        whether they wait for a compiler meanwhile, which has minutes.

    Raises:
        UsageError: it is no time.
    """
    found = _seconds("the patience with ranks", _COMPILER if seconds is None and compiled else seconds)
    if found is not None and found < _LEAST_PATIENCE:
        raise UsageError(
            f"ranks that do not move for {found:g} s may be at work.",
            hint=f"give {_LEAST_PATIENCE:g} s or more",
        )
    return found


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        seconds = math.nan if isinstance(value, (str, bytes, bool)) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        shown = f"{value:g}" if isinstance(value, float) else arguments.told(value)
        raise UsageError(f"{name} must be seconds, 0 or more, not {shown}.")
    return seconds
