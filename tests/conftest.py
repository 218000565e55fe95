"""What every test starts from, wherever the suite runs."""

from __future__ import annotations

import gc
import importlib.util
import random
import signal
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.seeds import SEED

# Tests of pages in a browser; `make test-browser` installs what they need.
collect_ignore = [] if importlib.util.find_spec("playwright") else ["browser"]

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the tests on a GPU do without
    pass
else:
    # The same cases every time, on machines of any speed. What `make fuzz` finds becomes a fixed case.
    settings.register_profile(
        "same",
        max_examples=150,
        derandomize=True,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("few", settings.get_profile("same"), max_examples=10)
    settings.register_profile("fuzz", settings.get_profile("same"), max_examples=500, derandomize=False)
    settings.load_profile("same")

# A shell that runs the suite in the background ignores interrupts, and so would every process started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Width and colour are as away from any terminal; pytest-xdist tells its workers of one."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def nothing_frozen() -> Iterator[None]:
    """The command line freezes what it has imported, which is to be no other test's."""
    yield
    if gc.get_freeze_count():
        gc.unfreeze()


@pytest.fixture(autouse=True)
def same_numbers() -> None:
    """What a test draws from the generators of the process, it draws again the next time."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
