"""The GPU report: what netscope measures on a GPU, held against triton's `do_bench` and against itself.

`python -m tools.gpu_report` writes `reports/h200.md`, and `reports/h200.json` with every raw sample. It takes
torch with triton, and torchvision for two of the networks, and no network connection. Without a GPU it says
so in `reports/h200.md`, unless measured figures stand there already.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from netscope.measured import Timing

FOLDER: Final = Path(__file__).parents[1] / "reports"
NAME: Final = "h200"
COMMAND: Final = "make report-gpu"

NETWORKS: Final = ("alexnet", "zfnet", "torchvision/resnet50", "torchvision/vit_b_16")
BATCHES: Final = (1, 64)
DTYPES: Final = ("fp32", "bf16")


@dataclass(frozen=True, slots=True)
class Judged:
    """A case's figures: seconds a step on the device's clock, and by which part each promise is missed.

    reference, agreement:
        of `triton.testing.do_bench`; None without triton.
    """

    latency: float
    reference: float | None
    agreement: float | None
    reconciled: float
    repeated: float


@dataclass(frozen=True, slots=True)
class Case:
    """One network as it was measured.

    timings:
        of two profiles, with all raw samples, as plain JSON values.
    references:
        medians of `do_bench` in seconds, before, between and after the profiles.
    error:
        why there is nothing; None when there is.
    """

    network: str
    batch: int
    dtype: str
    judged: Judged | None = None
    timings: tuple[Any, ...] = ()
    references: tuple[float, ...] = ()
    error: str | None = None


def main() -> int:
    """Exit code 0 when a report was written, 1 when one that was measured is kept."""
    import torch

    from netscope.store import write_text

    markdown_file, raw_file = FOLDER / f"{NAME}.md", FOLDER / f"{NAME}.json"
    if not torch.cuda.is_available():
        if raw_file.exists():
            sys.stderr.write(f"no GPU is at hand: {markdown_file} stays as it was measured\n")
            return 1
        markdown_file.write_text(unmeasured(), encoding="utf-8")
        sys.stderr.write(f"no GPU is at hand: {markdown_file} says so\n")
        return 0
    machine = describe()
    cases = [_case(network, batch, dtype) for network in NETWORKS for batch in BATCHES for dtype in DTYPES]
    raw = {"machine": machine, "cases": [asdict(case) for case in cases]}
    write_text(raw_file, json.dumps(raw) + "\n")
    write_text(markdown_file, markdown(machine, cases))
    return 0


def describe() -> dict[str, str]:
    """The machine and the versions, by name."""
    from netscope.environment import environment
    from netscope.timing.backends import backend_of

    device = backend_of("cuda").device()
    return {"GPU": device.name, **dict(device.details), **environment()}


def _case(network: str, batch: int, dtype: str) -> Case:
    """Profile twice, with `do_bench` before, between and after."""
    from netscope import profile, store
    from netscope.errors import NetscopeError

    sys.stderr.write(f"{network}, batch {batch}, {dtype}\n")
    timings: list[Timing] = []
    try:
        references = [reference_of(network, batch, dtype)]
        for _ in range(2):
            report = profile(network, device="cuda", batch=batch, dtype=dtype)
            assert report.timing is not None
            timings.append(report.timing)
            references.append(reference_of(network, batch, dtype))
    except (NetscopeError, RuntimeError) as error:
        return Case(network, batch, dtype, error=" ".join(str(error).split()))
    known = tuple(seconds for seconds in references if seconds is not None)
    plain = tuple(store.plain(timing) for timing in timings)
    return Case(network, batch, dtype, judged(timings[0], timings[1], known), plain, known)


def reference_of(network: str, batch: int, dtype: str) -> float | None:
    """The median of triton's `do_bench` on the same network, input and precision; None without triton."""
    try:
        from triton.testing import do_bench
    except ImportError:
        return None
    import torch

    from netscope.profiling.settings import DTYPES as NAMES
    from netscope.sources import resolve
    from netscope.timing.backends import backend_of
    from netscope.timing.inputs import arguments
    from netscope.timing.weights import materialised

    workload = resolve(network, batch=batch, dtype=NAMES[dtype])
    backend = backend_of("cuda")
    target = backend.device().target
    module = materialised(workload, target).eval()
    args, kwargs = arguments(workload, target)
    with torch.no_grad(), backend.precision(dtype):
        milliseconds: float = do_bench(
            lambda: module(*args, **kwargs), warmup=300, rep=2000, return_mode="median"
        )
    return milliseconds / 1000


def judged(first: Timing, second: Timing, references: Sequence[float]) -> Judged:
    """What two profiles of the same steps come to."""
    parts = first.reconciliation
    assert parts is not None
    # do_bench goes by the device's clock.
    latency = (first.called.on_device or first.called).median
    reference = statistics.median(references) if references else None
    return Judged(
        latency=latency,
        reference=reference,
        agreement=None if reference is None else latency / reference - 1,
        reconciled=parts.explained / parts.end_to_end - 1,
        repeated=second.median / first.median - 1,
    )


def markdown(machine: dict[str, str], cases: Sequence[Case]) -> str:
    """The report."""
    from netscope import units

    found = [case.judged for case in cases if case.judged is not None]
    settings = len(DTYPES) * len(BATCHES)
    lines = [
        f"# Profiles on {machine.get('GPU', 'a GPU')}",
        "",
        f"Written by `{COMMAND}`; raw samples of every round are in [{NAME}.json]({NAME}.json).",
        "",
        *(f"- {name}: {value}" for name, value in machine.items()),
        "",
        f"{len(NETWORKS)} networks in {settings} settings each, every one profiled twice, with",
        "`triton.testing.do_bench` (median) before, between and after.",
        "",
        "| promise | off by at most | held in |",
        "|---|---:|---:|",
    ]
    for title, limit, read in PROMISES:
        offs = [abs(off) for one in found if (off := read(one)) is not None]
        worst = units.percent(max(offs)) if offs else "not measured"
        held = sum(off <= limit for off in offs)
        lines.append(f"| {title} within {units.percent(limit)} | {worst} | {held} of {len(cases)} |")
    lines += [
        "",
        "| network | batch | dtype | on the device | do_bench | off | layers off | repeated |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    lines += [f"| `{case.network}` | {case.batch} | {case.dtype} | {_figures(case)} |" for case in cases]
    return "\n".join(lines) + "\n"


def _figures(case: Case) -> str:
    from netscope import units

    one = case.judged
    if one is None:
        return f"not measured: {case.error} | | | |"
    reference = "not measured" if one.reference is None else units.seconds(one.reference, units.TOTAL)
    offs = (one.agreement, one.reconciled, one.repeated)
    texts = ["" if off is None else units.change(1.0, 1.0 + off) for off in offs]
    return " | ".join([units.seconds(one.latency, units.TOTAL), reference, *texts])


PROMISES: Final[tuple[tuple[str, float, Callable[[Judged], float | None]], ...]] = (
    ("end to end, against `do_bench`,", 0.01, lambda one: one.agreement),
    ("layers + unattributed + idle, against end to end,", 0.02, lambda one: one.reconciled),
    ("a second run's median, against the first's,", 0.02, lambda one: one.repeated),
)


def unmeasured() -> str:
    """What the report says while no GPU was at hand."""
    promises = "\n".join(f"| {title} within {limit:.0%} | no |" for title, limit, _ in PROMISES)
    return f"""\
# Profiles on an H200

**Nothing here was measured: no GPU was at hand.** No figure of this project comes from a GPU so far.

What is ready, one command each on a machine with a GPU:

- `make test-gpu` runs the GPU suite (`tests/gpu`), which is skipped elsewhere.
- `{COMMAND}` measures {", ".join(f"`{name}`" for name in NETWORKS)}
  at batch {" and ".join(map(str, BATCHES))} in {" and ".join(DTYPES)}, holds each against
  `triton.testing.do_bench`, and writes this file and `{NAME}.json` with all raw samples.

Both take a Python with torch (2.11 or newer, with triton) and, for two of the networks, torchvision; the
suite takes pytest. Nothing is downloaded. `GPU_PYTHON=/path/to/python` names another Python than `python3`.

| what they are to show | shown |
|---|---|
{promises}

Without a GPU it is tested that the same code gives planted times back from a device that only pretends to
be one (`tests/profiling`, `tests/timing`), with streams, launches, idling, throttling and noise, and that
steps on the processor agree with `torch.utils.benchmark` (`python -m bench timing`).
"""


if __name__ == "__main__":
    sys.exit(main())
