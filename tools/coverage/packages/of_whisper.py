"""whisper: speech recognition, of the published sizes."""

from __future__ import annotations

from functools import partial

from whisper.model import ModelDimensions, Whisper

from tools.coverage.specs import Made, call, floats, ids

DISTRIBUTIONS = ("openai-whisper",)

# width, heads, layers
_SIZES = {
    "tiny": (384, 6, 4),
    "base": (512, 8, 6),
    "small": (768, 12, 12),
    "medium": (1024, 16, 24),
    "large": (1280, 20, 32),
}


def _made(size: str) -> Made:
    width, heads, layers = _SIZES[size]
    network = Whisper(ModelDimensions(80, 1500, width, heads, layers, 51865, 448, width, heads, layers))
    return call(network, floats(1, 80, 3000), ids(1, 32))


NETWORKS = {size: partial(_made, size) for size in _SIZES}
