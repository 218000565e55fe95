"""torchdiffeq: neural ordinary differential equations, with fixed and adaptive steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torchdiffeq import odeint

from tools.coverage.specs import Made, call, floats

DISTRIBUTIONS = ("torchdiffeq",)


class _Field(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 2))

    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y**3)


class _Solved(nn.Module):
    def __init__(self, method: str) -> None:
        super().__init__()
        self.field, self.method = _Field(), method

    def forward(self, y: Any) -> Any:
        return odeint(self.field, y, torch.linspace(0.0, 1.0, 5), method=self.method)


def _made(method: str) -> Made:
    return call(_Solved(method), floats(16, 2))


NETWORKS = {
    "euler": lambda: _made("euler"),
    "rk4": lambda: _made("rk4"),
    "dopri5": lambda: _made("dopri5"),
    "midpoint": lambda: _made("midpoint"),
}
