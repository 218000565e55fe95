"""Random numbers of what is built: the same ones every time, and none of the process's.

Other threads draw from torch's, Python's and numpy's global generators too. To seed these and to put them
back would repeat numbers for them. So a thread that builds draws from generators of its own: the functions
that draw are patched (see `patches`) and ask `here` for them. Those of torch are for every build, which draws
its initial weights. Those of Python and numpy are for the few that draw a graph, which are then made again.

Numbers can still come from the global ones: from `from random import choice`, from networkx, which takes the
generator itself, or from a dropout deep in torch. For these the global ones are seeded and put back, but only
where no other thread may be drawing.
"""

from __future__ import annotations

import ctypes
import random
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import FrameType
from typing import Any, Final, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.jit import _builtins
from torch.utils._device import _device_constructors

from netscope.base.meta import large
from netscope.base.meta.here import here
from netscope.base.meta.patches import Patch, Use

T = TypeVar("T")

# Of torch, with the argument `generator`. Those in nn.init draw by the methods.
_FUNCTIONS: Final = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson")
_LIKE: Final = {"rand_like": "uniform_", "randn_like": "normal_"}
_METHODS: Final = ("bernoulli", "multinomial", "geometric_")
# Methods that fill a tensor.
_FILLS: Final = ("normal_", "uniform_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_")

_OWN: Final = (Tensor, nn.Parameter)

# Bytes of the state of numpy's usual generator: 624 words, and at which of them it is.
_MT19937: Final = 625 * 4

# What is on the stacks of threads that draw no random numbers.
_SERVICE: Final = frozenset(
    {
        *(
            "threading",
            "queue",
            "selectors",
            "socket",
            "asyncio",
            "concurrent",
            "multiprocessing",
            "subprocess",
        ),
        *("execnet", "zmq", "ipykernel", "IPython", "tornado", "traitlets", "pydevd", "debugpy"),
        *("jupyter_client", "tqdm"),
    }
)


class Chance:
    """The generators of one build, each made when it is first drawn from."""

    def __init__(self) -> None:
        self._seed = 0
        self._torch: dict[torch.device, torch.Generator] = {}
        self._random: random.Random | None = None
        self._numpy: Any = None

    def generator(self, device: torch.device) -> torch.Generator:
        """torch's, for tensors of that device."""
        made = self._torch.get(device)
        if made is None:
            made = self._torch[device] = torch.Generator(device).manual_seed(self._seed)
        return made

    def seed(self, seed: Any) -> torch.Generator:
        """What `torch.manual_seed` does."""
        self._seed = int(seed)
        self._torch.clear()
        return self.generator(torch.device("cpu"))

    @property
    def random(self) -> random.Random:
        """Python's."""
        if self._random is None:
            self._random = random.Random(0)  # noqa: S311 - no secrets
        return self._random

    @property
    def numpy(self) -> Any:
        """numpy's, the legacy one that its functions draw from."""
        if self._numpy is None:
            self._numpy = sys.modules["numpy.random"].RandomState(0)
        return self._numpy


def same_every_time(make: Callable[[], T]) -> T:
    """Call, with the same random numbers every time; then the process's generators stand where they stood.

    A call that draws from these is made again. Where other threads are at work they are left alone: what was
    drawn is then drawn.
    """
    states = States()
    try:
        try:
            made = _with_own(_of_torch(), make)
            drawn = states.changed()
            if not drawn or not (states.seed(drawn) or any(one.generator.owned for one in drawn)):
                return made
            del made  # which may be large
            return _with_own((*_of_torch(), *_of_others()), make)
        finally:
            states.restore()
    finally:  # once more, should an interrupt have come in there
        states.restore()


def _with_own(patches: tuple[Patch, ...], make: Callable[[], T]) -> T:
    """Call, with generators of its own on this thread."""
    outer = here.chance
    use = Use(patches)
    try:
        try:
            use.begin()
            here.chance = Chance()
            return make()
        finally:
            here.chance = outer
            use.end()
    finally:
        here.chance = outer
        use.end()


# The process's generators


class Generator(NamedTuple):
    """How to read, to write and to seed one, and to tell its states apart.

    owned:
        whether a call that is repeated has one of its own in its place.
    """

    get: Callable[[], Any]
    put: Callable[[Any], Any]
    same: Callable[[Any, Any], bool]
    seed: Callable[[int], Any] | None
    owned: bool = False


class State(NamedTuple):
    """A generator, and where it stood."""

    generator: Generator
    before: Any


class States:
    """Where the process's generators stand now."""

    def __init__(self) -> None:
        self._states = [State(one, one.get()) for one in generators()]
        self._unchanged = False
        self._seeded = False

    def changed(self) -> list[State]:
        """Those that stand elsewhere by now."""
        found = [one for one in self._states if not one.generator.same(one.generator.get(), one.before)]
        self._unchanged = not found
        return found

    def seed(self, drawn: list[State]) -> bool:
        """Seed these, unless another thread may be drawing; whether any was."""
        seeds = [one.generator.seed for one in drawn if one.generator.seed is not None]
        if not seeds or others_at_work():
            return False
        self._seeded = True  # first, for an interrupt in between
        for seed in seeds:
            seed(0)
        return True

    def restore(self) -> None:
        """Put those back, unless that might repeat numbers for another thread. Others are not written to."""
        if self._unchanged:  # as it was when last looked at, which was last of all
            return
        changed = self.changed()
        if changed and (self._seeded or not others_at_work()):
            for one in changed:
                one.generator.put(one.before)


def generators() -> Iterator[Generator]:
    """Those that the process has."""
    # Not torch.manual_seed, which would seed CUDA too, at once or when it is first used.
    seed = torch.default_generator.manual_seed
    yield Generator(torch.get_rng_state, torch.set_rng_state, _torch_equal, seed)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        yield Generator(torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all, _all_equal, None)
    yield Generator(random.getstate, random.setstate, _equal, random.seed, owned=True)
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is not None:
        yield Generator(_numpy.state, numpy.set_state, _numpy_equal, numpy.seed, owned=True)


class _Numpy:
    """numpy's generator.

    To read its state takes 24 us and to look at its memory 0.4, four times in a summary: so it is read only
    where that has changed. Of two normal numbers that are drawn at once one is kept elsewhere; while it is
    there, the state is read every time.
    """

    def __init__(self) -> None:
        # What was in its memory when its state was last read, and that state.
        self._read: tuple[bytes, dict[str, Any]] = b"", {}

    def state(self) -> dict[str, Any]:
        """Its state."""
        numpy: Any = sys.modules["numpy.random"]
        bits: Any = getattr(numpy.mtrand._rand, "_bit_generator", None)
        if type(bits).__name__ != "MT19937":
            return numpy.get_state(legacy=False)  # type: ignore[no-any-return]
        memory = ctypes.string_at(bits.ctypes.state_address, _MT19937)
        before, state = self._read
        if memory != before or state["has_gauss"]:
            state = numpy.get_state(legacy=False)
            self._read = memory, state
        return state


_numpy: Final = _Numpy()


def _equal(one: Any, other: Any) -> bool:
    return bool(one == other)


def _torch_equal(one: Tensor, other: Tensor) -> bool:
    # A first `torch.equal` takes 0.1 ms, which is much for a first build.
    return ctypes.string_at(one.data_ptr(), one.nbytes) == ctypes.string_at(other.data_ptr(), other.nbytes)


def _all_equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(map(_torch_equal, one, other))


def _numpy_equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(map(_numpy_equal, one.values(), other.values()))
    same = one == other
    return bool(same.all() if hasattr(same, "all") else same)


def others_at_work() -> bool:
    """Whether another thread may be drawing random numbers, so that putting back would repeat some."""
    if threading.active_count() == 1:
        return False
    mine = threading.get_ident()
    return any(not _waits(frame) for thread, frame in sys._current_frames().items() if thread != mine)


def _waits(frame: FrameType) -> bool:
    """Whether a thread waits in the service of a kernel, a debugger or a pool, with nobody's code on it."""
    above: FrameType | None = frame
    while above is not None:
        if str(above.f_globals.get("__name__", "")).partition(".")[0] not in _SERVICE:
            return False
        above = above.f_back
    return True


# The functions that draw


@cache
def _of_torch() -> tuple[Patch, ...]:
    return (
        *(Patch(torch, name, listed(_making)) for name in _FUNCTIONS),
        *(Patch(torch, name, listed(partial(_drawing_like, fill))) for name, fill in _LIKE.items()),
        *(Patch(owner, "manual_seed", _seeding) for owner in (torch, torch.random)),
        *(Patch(Tensor, name, _drawing) for name in _METHODS),
        *fills(),
    )


def _of_others() -> Iterator[Patch]:
    yield from _of_python()
    if "numpy.random" in sys.modules:
        yield from _of_numpy()


@cache
def _of_python() -> tuple[Patch, ...]:
    return tuple(_of_instance(random, random._inst, lambda chance: chance.random))


@cache
def _of_numpy() -> tuple[Patch, ...]:
    numpy: Any = sys.modules["numpy.random"]
    patches = _of_instance(numpy, numpy.mtrand._rand, lambda chance: chance.numpy)
    return (*patches, Patch(numpy, "seed", partial(_owned, lambda chance: chance.numpy)))


@cache
def fills() -> tuple[Patch, ...]:
    """Of the methods that fill a tensor. Where that is free on meta, they draw nothing for it."""
    return tuple(Patch(Tensor, name, _filling) for name in _FILLS)


def _of_instance(owner: Any, instance: Any, own: Callable[[Chance], Any]) -> Iterator[Patch]:
    """Functions of a module that are methods of the one generator that it has."""
    for name, function in vars(owner).items():
        if getattr(function, "__self__", None) is instance:
            yield Patch(owner, name, partial(_owned, own))


def _owned(own: Callable[[Chance], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    name = function.__name__

    def draw(*args: Any, **kwargs: Any) -> Any:
        chance = here.chance
        return (function if chance is None else getattr(own(chance), name))(*args, **kwargs)

    return draw


def _filling(function: Callable[..., Any]) -> Callable[..., Any]:
    def fill(tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        chance = here.chance
        if chance is not None or here.free:
            if tensor.is_meta:
                return tensor if here.free else function(tensor, *args, **kwargs)
            if chance is not None and type(tensor) in _OWN and kwargs.get("generator") is None:
                kwargs["generator"] = chance.generator(tensor.device)
        return function(tensor, *args, **kwargs)

    return fill


def _drawing(function: Callable[..., Any]) -> Callable[..., Any]:
    def draw(*args: Any, **kwargs: Any) -> Any:
        chance = here.chance
        if chance is not None and kwargs.get("generator") is None:
            device = _device(args, kwargs)
            if device is not None:
                kwargs["generator"] = chance.generator(device)
        return function(*args, **kwargs)

    return draw


def _making(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of those that make a tensor, which is on meta where that is large."""
    draw_real = _drawing(function)

    def draw(*args: Any, **kwargs: Any) -> Any:
        made = None if here.twins is None else large.on_meta(function, args, kwargs)
        return draw_real(*args, **kwargs) if made is None else made

    return draw


def _drawing_like(fill: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Of those that take no generator in every torch: they make a tensor and fill it."""

    def draw(*args: Any, **kwargs: Any) -> Any:
        chance = here.chance
        if chance is None or kwargs.get("generator") is not None or _device(args, kwargs) is None:
            return function(*args, **kwargs)
        trainable = kwargs.pop("requires_grad", False)
        made = torch.empty_like(*args, **kwargs)
        return getattr(made, fill)(generator=chance.generator(made.device)).requires_grad_(trainable)

    return draw


def _seeding(function: Callable[..., Any]) -> Callable[..., Any]:
    def manual_seed(seed: Any) -> torch.Generator:
        chance = here.chance
        made: torch.Generator = function(seed) if chance is None else chance.seed(seed)
        return made

    return manual_seed


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device | None:
    """Where the numbers will be; None where none are drawn, or somebody's mode has a say."""
    if torch._C._len_torch_dispatch_stack():
        return None
    given = kwargs.get("device")
    if given is not None:
        device = torch.device(given)
    else:
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        if any(type(tensor) not in _OWN for tensor in tensors):
            return None
        device = tensors[0].device if tensors else torch.get_default_device()
    return None if device.type == "meta" else device


def listed(wrap: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """For functions of torch of which torch has tables, by their identity.

    Device contexts and TorchScript make theirs when they are first used, which is not to be while what stands
    for a function is in its place. TorchScript then looks up what it finds there.
    """
    _device_constructors()
    _builtins._get_builtin_table()  # type: ignore[no-untyped-call]

    def entered(function: Any) -> Any:
        made = wrap(function)
        name = _builtins._find_builtin(function)  # type: ignore[no-untyped-call]
        if name is not None:
            _builtins._register_builtin(made, name)
        return made

    return entered
