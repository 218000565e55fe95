"""mambapy: state-space models in plain torch."""

from __future__ import annotations

from mambapy.jamba import Jamba, JambaConfig
from mambapy.lm import LM
from mambapy.mamba import Mamba, MambaConfig
from mambapy.mamba2 import Mamba2, Mamba2Config

from tools.coverage.specs import call, floats, ids

DISTRIBUTION = "mambapy"

NETWORKS = {
    "Mamba": lambda: call(Mamba(MambaConfig(d_model=64, n_layers=2)), floats(1, 64, 64)),
    "Mamba-sequential": lambda: call(Mamba(MambaConfig(d_model=64, n_layers=2, pscan=False)), floats(1, 64, 64)),
    "Mamba-lm": lambda: call(LM(MambaConfig(d_model=64, n_layers=2), vocab_size=256), ids(1, 64)),
    "Mamba2": lambda: call(
        Mamba2(Mamba2Config(d_model=64, n_layers=2, d_head=16, use_mem_eff_path=False)), floats(1, 64, 64)
    ),
    "Jamba": lambda: call(
        Jamba(JambaConfig(d_model=64, n_layers=4, mlp_size=128, num_attention_heads=4, num_key_value_heads=2)),
        floats(1, 64, 64),
    ),
}
