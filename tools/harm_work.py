"""One process of `tools.harm`: it does the work, and tells what it counted as lines of JSON."""

from __future__ import annotations

import copy
import gc
import json
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

import netscope
from netscope.base.workload import Workload
from netscope.report.report import Report
from netscope.trace import record
from tests.owners.describe import describe, differences

# Seconds for a child that summarises; and for a network whose survivors are counted.
_CHILD: Final = 20.0
_NETWORK: Final = 20
# So many children that hang will do.
_HANGS: Final = 5
# As little as can be measured.
_QUICK: Final[dict[str, Any]] = {
    "device": "cpu",
    "warmup": 0.0,
    "max_time": 0.001,
    "device_spec": "none",
}


def main() -> None:
    """Do what the arguments say."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # OpenMP's own threads do not survive a fork
    sys.setswitchinterval(1e-4)  # threads meet each other more often
    kind, *arguments = sys.argv[1:]
    _WORK[kind](*arguments)


def tell(counts: Mapping[str, int], notes: list[str] | None = None) -> None:
    """A line for the parent, in one piece whichever threads tell."""
    os.write(1, (json.dumps({"notes": notes or []} | dict(counts)) + "\n").encode())


def figures(report: Report) -> list[Any]:
    """What must be the same every time."""
    return [(x.path, x.macs, x.params, x.output_bytes, x.calls) for x in report.layers]


# -- Interrupts


class Case(NamedTuple):
    """A module, and what is interrupted."""

    module: nn.Module
    x: Tensor
    call: Callable[[nn.Module, Tensor], Any]


class Values(nn.Module):
    """Reads a value, so that only the real forward will do; and changes what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(20))
        self.norm = nn.BatchNorm1d(16)
        self.kept: list[Tensor] = []
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """(rows, 16) to the same."""
        self.calls += 1
        for layer in self.layers:
            x = torch.relu_(layer(x))
            self.kept.append(x)
        return self.norm(x) * x.sum().item()  # type: ignore[no-any-return]


def three_hundred() -> Case:
    """A summary of 300 layers, some of them with buffers, in mixed modes."""
    layers: list[nn.Module] = []
    for _ in range(100):
        layers += [nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU()]
    module = nn.Sequential(*layers)
    for layer in layers[::7]:
        layer.eval()
    return Case(module, torch.randn(4, 16), lambda m, x: netscope.summary(m, args=(x,)))


def needs_values() -> Case:
    """A trace that goes down to the real forward."""
    return Case(Values(), torch.randn(4, 16), lambda m, x: record(Workload("values", m, (x,))))


def profiled() -> Case:
    """A profile, which runs the owner's module for real."""
    module = nn.Sequential(*(nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16)) for _ in range(5)))
    return Case(module, torch.randn(4, 16), lambda m, x: netscope.profile(m, args=(x,), **_QUICK))


CASES: Final[dict[str, Callable[[], Case]]] = {
    "summary": three_hundred,
    "values": needs_values,
    "profile": profiled,
}


def interrupts(name: str, count: str, seed: str) -> None:
    """So many calls that Ctrl-C ends, at an instant anywhere; stops when the process is harmed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
    instants = random.Random(int(seed))  # noqa: S311 - no secret
    versions = name != "profile"  # real steps may move the counters of tensors
    case = made(name)
    for _ in range(3):
        case.call(case.module, case.x)
    took = min(seconds(case) for _ in range(3))
    before = describe(case.module, case.x, versions=versions)
    expected, rows = _forward(case), _rows(case)
    ended = 0
    while ended < int(count):
        started = time.perf_counter()
        end = interrupted(case, instants.uniform(0, took))
        ended += end != "finished"
        if end == "finished":  # the machine is quicker than it was
            took += 0.2 * (time.perf_counter() - started - took)
        changed = differences(before, describe(case.module, case.x, versions=versions))
        process = [line for line in changed if line.startswith("process:")]
        counts = {"trials": 1, end: 1}
        if process:
            counts["process changed"] = 1
            if any("modes" in line for line in process):
                counts["modes left"] = 1
        harmed = len(process) < len(changed)
        if harmed:
            counts["models changed"] = 1
        else:
            again = _forward(case)
            if not (isinstance(again, Tensor) and torch.equal(again, expected)):
                counts["forwards differ"] = 1
            if _rows(case) != rows:
                counts["figures differ"] = 1
        tell(counts, changed[:2])
        if process or len(counts) > 2 + bool(harmed):
            return
        if harmed:
            case = made(name)
            before = describe(case.module, case.x, versions=versions)
            expected = _forward(case)


def made(name: str) -> Case:
    """The same every time."""
    torch.manual_seed(0)
    return CASES[name]()


def seconds(case: Case) -> float:
    """Of a call."""
    started = time.perf_counter()
    case.call(case.module, case.x)
    return time.perf_counter() - started


def interrupted(case: Case, after: float) -> str:
    """Call, with a Ctrl-C after some time; how the call ended."""
    armed = True

    def ring(number: int, frame: object) -> None:
        if armed:
            signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGALRM, ring)
    end = "finished"
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(after, 1e-6))
            case.call(case.module, case.x)
        except KeyboardInterrupt:
            end = "interrupted"
        except Exception as error:  # noqa: BLE001 - that is what is counted
            end = "ended otherwise"
            tell({}, [f"an interrupt ended as {error!r} of {error.__cause__!r}"[:300]])
        armed = False
    except KeyboardInterrupt:  # in between
        end = "interrupted"
        armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    return end


def _forward(case: Case) -> Any:
    """What the owner's call returns, by a copy of the module, which may change; or the error."""
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            return copy.deepcopy(case.module)(case.x.clone())
    except Exception as error:  # noqa: BLE001 - to be compared
        return repr(error)
    finally:
        torch.set_rng_state(state)


def _rows(case: Case) -> Any:
    try:
        return figures(netscope.summary(case.module, args=(case.x,)))
    except Exception as error:  # noqa: BLE001 - to be compared
        return repr(error)


# -- Threads


class _Busy(threading.Thread):
    """Does the same thing again and again until it is stopped; what it raised is counted."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.counts: Counter[str] = Counter()
        self.notes: list[str] = []
        self.stopped = False
        self._work = work

    def run(self) -> None:
        while not self.stopped:
            try:
                self._work()
            except Exception as error:  # noqa: BLE001 - that is what is counted
                self.counts["raised"] += 1
                self.notes = self.notes or [repr(error)[:100]]


def beside(count: str) -> None:
    """Forwards of the same model, in both modes, and random numbers of two kinds, beside summaries."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 16, 16)
    module = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.GroupNorm(1, 3)) for _ in range(20)),
        nn.Flatten(),
        nn.Linear(3 * 16 * 16, 10),
    )
    module.train()
    with torch.no_grad():
        expected = module(x)
    netscope.summary(module, args=(x,))
    numbers: dict[str, list[float]] = {"torch": [], "python": []}

    def forward() -> None:
        with torch.no_grad():
            found = module(x)
        caller.counts["forwards"] += 1
        caller.counts["differing"] += type(found) is not Tensor or not torch.equal(found, expected)
        if not module.training:
            caller.counts["flags seen changed"] += 1

    def draw() -> None:
        numbers["torch"].append(torch.rand(1, dtype=torch.float64).item())
        numbers["python"].append(random.random())  # noqa: S311 - no secret
        time.sleep(0.0001)

    caller, drawer = _Busy(forward), _Busy(draw)
    caller.start()
    drawer.start()
    for _ in range(int(count)):
        netscope.summary(module, args=(x,), train=False)
        tell({"summaries": 1})
    for thread in (caller, drawer):
        thread.stopped = True
        thread.join()
    for kind, drawn in numbers.items():
        drawer.counts["numbers"] += len(drawn)
        drawer.counts[f"repeated ({kind})"] += len(drawn) - len(set(drawn))
    drawer.counts["drawing raised"] = drawer.counts.pop("raised", 0)
    tell(caller.counts + drawer.counts, caller.notes + drawer.notes)


def together(rounds: str) -> None:
    """Ten networks in ten threads: named ones, live ones, and one that needs values."""
    named = (
        "alexnet",
        "lenet",
        "torchvision/resnet18",
        "torchvision/mobilenet_v2",
        "torchvision/squeezenet1_0",
    )
    torch.manual_seed(0)
    one, other = three_hundred(), needs_values()
    x = torch.randn(5, 2, 8)
    calls: list[Callable[[], Report]] = [
        *((lambda name=name: netscope.summary(name)) for name in named),
        lambda: netscope.summary(one.module, args=(one.x,)),
        lambda: netscope.summary(other.module, args=(other.x,)),
        *((lambda m=m: netscope.summary(m, args=(x,))) for m in (
            nn.LSTM(8, 8), nn.TransformerEncoderLayer(8, 2, 16), nn.Sequential(nn.Linear(8, 8), nn.Dropout())
        )),
    ]  # fmt: skip
    expected = [figures(call()) for call in calls]
    found: list[list[Any]] = [[] for _ in calls]
    start = threading.Barrier(len(calls))

    def work(place: int) -> None:
        start.wait()
        for _ in range(int(rounds)):
            try:
                found[place].append(figures(calls[place]()))
            except Exception as error:  # noqa: BLE001 - that is what is counted
                found[place].append(repr(error)[:100])
            tell({"summaries": 1})

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    raised = [one for each in found for one in each if isinstance(one, str)]
    differing = [one for each, right in zip(found, expected, strict=True) for one in each if one != right]
    tell({"raised": len(raised), "differing": len(differing) - len(raised)}, raised[:1])


# -- Forks


def forks(count: str) -> None:
    """Children forked at any instant of another thread's summaries: each summarises and runs."""
    case, own = made("summary"), made("summary")
    expected, rows = _forward(own), _rows(own)
    busy = _Busy(lambda: case.call(case.module, case.x) and None)
    busy.start()
    hung = 0
    instants = random.Random(0)  # noqa: S311 - no secret
    for _ in range(int(count)):
        time.sleep(instants.uniform(0, 0.02))
        child = os.fork()
        if not child:
            right = _rows(own) == rows and torch.equal(_forward(own), expected)
            os._exit(0 if right else 1)
        ended = _awaited(child)
        tell(ended)
        hung += ended["children hung"]
        if hung == _HANGS:
            break
    busy.stopped = True
    busy.join(_CHILD)
    tell({"raised": busy.counts["raised"], "parent hung": int(busy.is_alive())}, busy.notes)


def _awaited(child: int) -> Counter[str]:
    """How a child ended."""
    until = time.monotonic() + _CHILD
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if os.WIFSIGNALED(status):
                return Counter({"trials": 1, "children died": 1})
            return Counter({"trials": 1, "children wrong": int(os.waitstatus_to_exitcode(status) != 0)})
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Counter({"trials": 1, "children hung": 1})


# -- Survivors


def survivors(library: str, count: str) -> None:
    """Tensors that are there after a summary and were not before, by network."""
    from netscope.base.errors import MissingExtraError, NetscopeError

    try:
        names = [model.name for model in netscope.models(f"{library}/*").models]
    except MissingExtraError:
        tell({}, [f"{library} is not installed"])
        return
    # By the golden ratio, so that the first so many are spread over all of them.
    names = [names[place] for place in sorted(range(len(names)), key=lambda place: place * 0.618034 % 1)]
    wanted = int(count)
    signal.signal(signal.SIGALRM, _too_slow)
    netscope.summary("lenet")
    for name in names:
        if not wanted:
            break
        before = {id(tensor) for tensor in tensors()}
        counts, notes = {"networks": 1}, []
        signal.alarm(_NETWORK)
        try:
            netscope.summary(name)
            wanted -= 1
        except (NetscopeError, TimeoutError) as error:
            notes = [f"{name}: left out: {str(error).splitlines()[0][:90]}"]
            counts = {}
        finally:
            signal.alarm(0)
        left = [tensor for tensor in tensors() if id(tensor) not in before]
        if left:
            counts |= {"networks with survivors": 1, "survivors": len(left)}
            one = left[0]
            notes.append(f"{name}: {len(left)}, as {one.device} {one.dtype} {tuple(one.shape)}")
        tell(counts, notes)
        del left


def _too_slow(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {_NETWORK} s")


def tensors() -> list[Tensor]:
    """All that live."""
    gc.collect()
    return [one for one in gc.get_objects() if issubclass(type(one), Tensor)]


_WORK: Final[dict[str, Callable[..., None]]] = {
    "interrupts": interrupts,
    "beside": beside,
    "together": together,
    "forks": forks,
    "survivors": survivors,
}

if __name__ == "__main__":
    main()
