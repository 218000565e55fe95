"""What a summary says of attention that is masked."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

import netscope


class Flexible(nn.Module):
    def forward(self, q: Tensor) -> Tensor:
        mask = create_block_mask(lambda b, h, i, j: i >= j, None, None, 128, 128, device=q.device)
        return flex_attention(q, q, q, block_mask=mask)  # type: ignore[return-value]


class Causal(nn.Module):
    def forward(self, q: Tensor) -> Tensor:
        return functional.scaled_dot_product_attention(q, q, q, is_causal=True)


def test_the_words_for_each_kind_of_mask() -> None:
    """2 products of 2 heads, 128 queries, 128 keys, 16 wide: 1.05 M; of 128 * 129 / 2 pairs 528 K."""
    q = torch.rand(1, 2, 128, 16)
    said = " ".join(str(netscope.summary(Flexible(), args=(q,))).split())
    assert "masked attention counted full, 528.4 K without what masks hide" in said
    assert "causal attention counted full" in str(netscope.summary(Causal(), args=(q,)))
