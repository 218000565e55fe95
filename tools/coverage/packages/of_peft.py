"""peft: adapters on a two-layer Llama, and prompts."""

from __future__ import annotations

from functools import partial
from typing import Any

import peft
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from tools.coverage.specs import Made, call, ids

DISTRIBUTIONS = ("peft",)

_LINEARS = ["q_proj", "v_proj"]


def _made(config: Any, head: Any = LlamaForCausalLM) -> Made:
    small = LlamaConfig(
        vocab_size=1000,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        use_cache=False,
        pad_token_id=0,
    )
    return call(peft.get_peft_model(head(small), config()), input_ids=ids(1, 32))


_CONFIGS: dict[str, Any] = {
    "LoRA": partial(peft.LoraConfig, target_modules=_LINEARS, task_type="CAUSAL_LM"),
    "DoRA": partial(peft.LoraConfig, target_modules=_LINEARS, use_dora=True, task_type="CAUSAL_LM"),
    "rsLoRA": partial(peft.LoraConfig, target_modules=_LINEARS, use_rslora=True),
    "LoHa": partial(peft.LoHaConfig, target_modules=_LINEARS),
    "LoKr": partial(peft.LoKrConfig, target_modules=_LINEARS),
    "AdaLoRA": partial(peft.AdaLoraConfig, target_modules=_LINEARS, total_step=100),
    "IA3": partial(
        peft.IA3Config, target_modules=[*_LINEARS, "down_proj"], feedforward_modules=["down_proj"]
    ),
    "OFT": partial(peft.OFTConfig, target_modules=_LINEARS, oft_block_size=16),
    "BOFT": partial(peft.BOFTConfig, target_modules=_LINEARS, boft_block_size=8),
    "VeRA": partial(peft.VeraConfig, target_modules=_LINEARS),
    "FourierFT": partial(peft.FourierFTConfig, target_modules=_LINEARS, n_frequency=100),
    "HRA": partial(peft.HRAConfig, target_modules=_LINEARS),
    "VBLoRA": partial(peft.VBLoRAConfig, target_modules=_LINEARS, vector_length=64, num_vectors=64),
    "LNTuning": partial(peft.LNTuningConfig, target_modules=["input_layernorm"]),
    "prompt tuning": partial(peft.PromptTuningConfig, task_type="CAUSAL_LM", num_virtual_tokens=8),
    "prefix tuning": partial(peft.PrefixTuningConfig, task_type="CAUSAL_LM", num_virtual_tokens=8),
    "P-tuning": partial(peft.PromptEncoderConfig, task_type="CAUSAL_LM", num_virtual_tokens=8),
    "trainable tokens": partial(peft.TrainableTokensConfig, token_indices=[1, 2, 3]),
}
NETWORKS = {name: partial(_made, config) for name, config in _CONFIGS.items()} | {
    "LoRA-classifier": lambda: _made(
        partial(peft.LoraConfig, target_modules=_LINEARS, task_type="SEQ_CLS"), LlamaForSequenceClassification
    )
}
