"""botorch: surrogates as modules, and acquisition functions over them."""

from __future__ import annotations

from typing import Any

import torch
from botorch.acquisition import LogExpectedImprovement, UpperConfidenceBound, qExpectedImprovement
from botorch.models import MultiTaskGP, SingleTaskGP

from tools.coverage.specs import call

DISTRIBUTIONS = ("botorch",)


def _surrogate() -> Any:
    x = torch.rand(20, 3, dtype=torch.double)
    return SingleTaskGP(x, x.sum(1, keepdim=True)).eval()


def _tasks() -> Any:
    x = torch.cat([torch.rand(20, 3, dtype=torch.double), torch.arange(20.0).reshape(20, 1) % 2], 1)
    return MultiTaskGP(x, x.sum(1, keepdim=True), task_feature=-1).eval()


def _points(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.double)


NETWORKS = {
    "SingleTaskGP": lambda: call(_surrogate(), _points(5, 3)),
    "MultiTaskGP": lambda: call(
        _tasks(), torch.cat([_points(5, 3), torch.ones(5, 1, dtype=torch.double)], 1)
    ),
    "LogExpectedImprovement": lambda: call(LogExpectedImprovement(_surrogate(), 1.0), _points(4, 1, 3)),
    "UpperConfidenceBound": lambda: call(UpperConfidenceBound(_surrogate(), 0.1), _points(4, 1, 3)),
    "qExpectedImprovement": lambda: call(qExpectedImprovement(_surrogate(), 1.0), _points(4, 2, 3)),
}
