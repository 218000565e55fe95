"""Functions that are recorded as one operator instead of what they decompose into.

What `scaled_dot_product_attention` or an LSTM breaks down to depends on the device, the build and the flags
of the day; the mathematics does not.
"""

from __future__ import annotations

from typing import Final

ATTENTION: Final = "aten.scaled_dot_product_attention.default"
COMPOSITES: Final = frozenset(
    {
        ATTENTION,
        *(
            f"aten.{kind}.{form}"
            for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu")
            for form in ("input", "data")
        ),
    }
)
