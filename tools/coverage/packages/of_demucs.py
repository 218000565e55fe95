"""demucs: separation of music, three generations of it, small."""

from __future__ import annotations

from demucs.demucs import Demucs
from demucs.hdemucs import HDemucs
from demucs.htdemucs import HTDemucs

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("demucs",)

_SOURCES = ["drums", "bass", "other", "vocals"]

NETWORKS = {
    "Demucs": lambda: call(Demucs(_SOURCES, channels=16), floats(1, 2, 44100)),
    "HDemucs": lambda: call(HDemucs(_SOURCES, channels=16), floats(1, 2, 44100)),
    "HTDemucs": lambda: call(HTDemucs(_SOURCES, channels=16, segment=1), floats(1, 2, 44100)),
}
