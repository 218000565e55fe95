"""A PNG's texts take a font of the system's, which a bare machine has none of."""

from __future__ import annotations

import pytest

from netscope.show.formats import png

needed = pytest.mark.skipif(not png._writes(), reason="this system has no font")
