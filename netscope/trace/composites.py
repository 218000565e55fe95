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

# Of complex tensors: torch makes three real convolutions of one, by a trick of its own.
OF_COMPLEX: Final = frozenset(
    f"aten.{name}.{overload}"
    for dims in ("1d", "2d", "3d")
    for name, overload in (
        (f"conv{dims}", "default"),
        (f"conv{dims}", "padding"),
        (f"conv_transpose{dims}", "default" if dims == "1d" else "input"),
    )
)
