"""Layers of torch.nn whose calls are settled by what can be read off them: a table.

A newcomer adds a line, which says what the class's forward reads.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from torch import nn


class Reads(NamedTuple):
    """What the forward of a class reads of its instance, beside `training`.

    settings:
        names of attributes.
    tensors:
        names of parameters and buffers, in the order in which operators get them.
    either:
        whether it does the same in training and in evaluation; else only the latter is taken.
    steady:
        whether its operators take the input and the tensors alone, and what else they are given follows
        from the settings, the number of dimensions and the size of the kernel.
    """

    settings: tuple[str, ...]
    tensors: tuple[str, ...]
    either: bool
    steady: bool


def _reads(settings: str = "", tensors: str = "", either: bool = True, steady: bool = False) -> Reads:
    return Reads(tuple(settings.split()), tuple(tensors.split()), either, steady)


_WEIGHTS: Final = "weight bias"
_CONVOLUTION: Final = _reads(
    "padding_mode _reversed_padding_repeated_twice stride padding dilation groups", _WEIGHTS, steady=True
)
_BATCH_NORM: Final = _reads(
    "track_running_stats momentum eps", f"{_WEIGHTS} running_mean running_var", either=False, steady=True
)
_MAX_POOL: Final = _reads("kernel_size stride padding dilation ceil_mode return_indices", steady=True)
_INPLACE: Final = _reads("inplace", steady=True)
_DROPOUT: Final = _reads("p inplace", either=False)

# Layers that networks are full of. Each line is what the class's forward says; a test reads along.
PURE: Final[dict[type[nn.Module], Reads]] = {
    **dict.fromkeys((nn.Conv1d, nn.Conv2d, nn.Conv3d), _CONVOLUTION),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _BATCH_NORM),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), _MAX_POOL),
    **dict.fromkeys((nn.ReLU, nn.SiLU, nn.Hardswish, nn.Hardsigmoid), _INPLACE),
    **dict.fromkeys((nn.Dropout, nn.Dropout2d, nn.Dropout3d), _DROPOUT),
    **dict.fromkeys((nn.Identity, nn.Sigmoid, nn.Tanh), _reads()),
    nn.ReLU6: _reads("min_val max_val inplace", steady=True),
    nn.GELU: _reads("approximate", steady=True),
    nn.Linear: _reads("", _WEIGHTS),
    nn.LayerNorm: _reads("normalized_shape eps", _WEIGHTS, steady=True),
    nn.GroupNorm: _reads("num_groups eps", _WEIGHTS),
    nn.AvgPool2d: _reads(
        "kernel_size stride padding ceil_mode count_include_pad divisor_override", steady=True
    ),
    nn.AdaptiveAvgPool2d: _reads("output_size"),
    nn.Flatten: _reads("start_dim end_dim"),
}
