"""pytorch-tabnet: TabNet with and without embeddings, and its pretraining."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_tabnet.tab_network import TabNet, TabNetPretraining

from tools.coverage.specs import call, floats

DISTRIBUTIONS = ("pytorch-tabnet",)


def _groups(width: int) -> Any:
    return torch.eye(width)


NETWORKS = {
    "TabNet": lambda: call(TabNet(16, 2, group_attention_matrix=_groups(16)), floats(32, 16)),
    "TabNet-entmax": lambda: call(
        TabNet(16, 2, mask_type="entmax", group_attention_matrix=_groups(16)), floats(32, 16)
    ),
    "TabNet-categories": lambda: call(
        TabNet(16, 2, cat_idxs=[0], cat_dims=[8], cat_emb_dim=[1], group_attention_matrix=_groups(16)),
        torch.zeros(32, 16),
    ),
    "TabNetPretraining": lambda: call(
        TabNetPretraining(16, group_attention_matrix=_groups(16)), floats(32, 16)
    ),
}
