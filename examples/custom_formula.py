"""An operator of your own, and the function of shapes that says what it costs."""

import torch
from torch import nn

import netscope
from netscope.formulas.registry import contraction


@torch.library.custom_op("examples::pairwise", mutates_args=())
def pairwise(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a @ b.T  # inner products of all rows of (n, d) with all rows of (m, d)


@pairwise.register_fake
def _(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a.new_empty(a.shape[0], b.shape[0])


class Retrieval(nn.Linear):
    """Scores of queries against a table of keys."""

    def forward(self, x):
        return torch.ops.examples.pairwise(x, self.weight)


net = Retrieval(64, 1000, bias=False)
# Without a formula the operator is unknown, and so is every figure that it belongs to: None, never 0.
assert netscope.summary(net, input="64", batch=8).macs is None


@netscope.formula("examples.pairwise")
def pairwise_cost(op):
    """(n, d) and (m, d): d multiply-accumulates for each of n*m products."""
    a, b = op.args
    return contraction(a.shape[0] * b.shape[0] * a.shape[1])


print(report := netscope.summary(net, input="64", batch=8))
assert report.macs == 8 * 1000 * 64
