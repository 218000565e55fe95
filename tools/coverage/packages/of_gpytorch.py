"""gpytorch: Gaussian processes with 50 training points, and deep kernels."""

from __future__ import annotations

from typing import Any

import gpytorch
import torch
from torch import nn

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("gpytorch",)


class _Exact(gpytorch.models.ExactGP):
    def __init__(self, kernel: Any, features: nn.Module | None = None) -> None:
        x = torch.linspace(0, 1, 100).reshape(50, 2)
        super().__init__(x, x.sum(1), gpytorch.likelihoods.GaussianLikelihood())
        self.mean, self.kernel = gpytorch.means.ConstantMean(), gpytorch.kernels.ScaleKernel(kernel)
        self.features = features or nn.Identity()

    def forward(self, x: Any) -> Any:
        x = self.features(x)
        return gpytorch.distributions.MultivariateNormal(self.mean(x), self.kernel(x))


class _Variational(gpytorch.models.ApproximateGP):
    def __init__(self) -> None:
        points = torch.rand(16, 2)
        distribution = gpytorch.variational.CholeskyVariationalDistribution(16)
        super().__init__(gpytorch.variational.VariationalStrategy(self, points, distribution))
        self.mean, self.kernel = gpytorch.means.ConstantMean(), gpytorch.kernels.RBFKernel()

    def forward(self, x: Any) -> Any:
        return gpytorch.distributions.MultivariateNormal(self.mean(x), self.kernel(x))


NETWORKS = {
    "ExactGP-rbf": lambda: call(_Exact(gpytorch.kernels.RBFKernel()).eval(), floats(20, 2)),
    "ExactGP-matern": lambda: call(_Exact(gpytorch.kernels.MaternKernel()).eval(), floats(20, 2)),
    "ExactGP-deep": lambda: call(
        _Exact(
            gpytorch.kernels.RBFKernel(), nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        ).eval(),
        floats(20, 2),
    ),
    "ApproximateGP": lambda: call(_Variational().eval(), floats(20, 2)),
}
