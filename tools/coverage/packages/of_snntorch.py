"""snntorch: spiking neurons in networks that keep their state."""

from __future__ import annotations

from typing import Any

import snntorch as snn
from torch import nn

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("snntorch",)


def _network(neuron: Any) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 100), neuron)


NETWORKS = {
    "Leaky": lambda: call(_network(snn.Leaky(beta=0.9, init_hidden=True)), floats(8, 1, 28, 28)),
    "Leaky-convolutional": lambda: call(
        nn.Sequential(
            nn.Conv2d(1, 12, 5),
            nn.MaxPool2d(2),
            snn.Leaky(beta=0.9, init_hidden=True),
            nn.Flatten(),
            nn.Linear(12 * 12 * 12, 10),
            snn.Leaky(beta=0.9, init_hidden=True, output=True),
        ),
        floats(8, 1, 28, 28),
    ),
    "Synaptic": lambda: call(
        _network(snn.Synaptic(alpha=0.9, beta=0.8, init_hidden=True)), floats(8, 1, 28, 28)
    ),
    "Alpha": lambda: call(_network(snn.Alpha(alpha=0.9, beta=0.8, init_hidden=True)), floats(8, 1, 28, 28)),
    "Lapicque": lambda: call(_network(snn.Lapicque(beta=0.9, init_hidden=True)), floats(8, 1, 28, 28)),
    "RLeaky": lambda: call(
        _network(snn.RLeaky(beta=0.9, linear_features=100, init_hidden=True)), floats(8, 1, 28, 28)
    ),
    "SLSTM": lambda: call(snn.SLSTM(64, 32, init_hidden=True), floats(8, 64)),
    "SConv2dLSTM": lambda: call(snn.SConv2dLSTM(1, 8, 3, init_hidden=True), floats(2, 1, 28, 28)),
    "LeakyParallel": lambda: call(snn.LeakyParallel(input_size=16, hidden_size=32), floats(25, 4, 16)),
}
