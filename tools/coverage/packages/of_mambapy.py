"""mambapy: state-space models in plain torch."""

from __future__ import annotations

from mambapy.jamba import JambaLM, JambaLMConfig
from mambapy.mamba import Mamba, MambaConfig

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = ("mambapy",)

NETWORKS = {
    "Mamba": lambda: call(Mamba(MambaConfig(d_model=64, n_layers=2)), floats(1, 64, 64)),
    "Mamba-sequential": lambda: call(
        Mamba(MambaConfig(d_model=64, n_layers=2, pscan=False)), floats(1, 64, 64)
    ),
    "Jamba": lambda: call(
        JambaLM(
            JambaLMConfig(
                d_model=64,
                n_layers=8,
                mlp_size=128,
                num_attention_heads=4,
                num_key_value_heads=2,
                num_experts=4,
                vocab_size=256,
            )
        ),
        ids(1, 64),
    ),
}
