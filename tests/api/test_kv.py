"""The cache of a decoder: published figures by hand, and equal to what real tensors keep."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

import netscope
from netscope.api import kv
from netscope.api.kv import cache_of, workload_cache
from netscope.api.reading import read
from netscope.base.errors import TraceError, UsageError
from netscope.base.request import Request
from netscope.base.workload import Workload
from netscope.report.cache import Cache

pytest.importorskip("transformers")

K32 = 32 * 1024
# Keys and values, in bfloat16.
KV = 2 * 2


def of(name: str, context: int = K32, batch: int = 1, **options: Any) -> Cache:
    return cache_of(name, context=context, batch=batch, dtype="bfloat16", options=options)


# Published networks, by hand


def test_llama_3_8b() -> None:
    cache = of(
        *("hf/llama", K32, 8),
        hidden_size=4096,
        intermediate_size=14336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        vocab_size=128256,
    )
    a_layer = 8 * 128 * KV
    assert cache.bytes_per_token == 32 * a_layer == 131_072
    assert cache.bytes_per_token_at_context == 131_072
    assert cache.nbytes == cache.after_prefill == 131_072 * K32 * 8 == 32 * 2**30
    assert [layer.kind for layer in cache.layers] == ["full"] * 32
    assert [layer.nbytes for layer in cache.layers] == [a_layer * K32 * 8] * 32
    first = cache.layers[0]
    assert (first.place, first.path) == ("layers.0", "model.layers.0.self_attn")
    assert [(t.name, t.shape, t.dtype) for t in first.tensors] == [
        ("keys", (8, 8, K32, 128), "bfloat16"),
        ("values", (8, 8, K32, 128), "bfloat16"),
    ]
    assert (cache.context, cache.traced, cache.batch, cache.encoder, cache.notes) == (K32, K32, 8, None, ())


def test_gpt_oss_120b() -> None:
    """From the numbers of its config.json."""
    file = Path(__file__).parents[1] / "data" / "gpt_oss_120b.json"
    cache = of(f"hf/{file}", K32, 8)
    a_layer = 8 * 64 * KV
    assert cache.bytes_per_token == 36 * a_layer == 73_728
    # Every other layer has a window, which was full long before.
    assert cache.bytes_per_token_at_context == 18 * a_layer == 36_864
    assert {kind: len(layers) for kind, layers in cache.by_kind().items()} == {"window": 18, "full": 18}
    assert {layer.window for layer in cache.by_kind()["window"]} == {128}
    # A number of 8 bytes goes with each window.
    assert cache.nbytes == 8 * (18 * a_layer * K32 + 18 * a_layer * 128) + 18 * 8
    # Of a text given at once a window is a view of all of it, which lives on until the next token.
    assert cache.after_prefill == 8 * 36 * a_layer * K32 + 18 * 8


def test_gemma_3_27b() -> None:
    cache = of(
        "hf/gemma3_text",
        hidden_size=5376,
        intermediate_size=21504,
        num_hidden_layers=62,
        num_attention_heads=32,
        num_key_value_heads=16,
        head_dim=128,
        sliding_window=1024,
    )
    a_layer = 16 * 128 * KV
    assert cache.bytes_per_token == 62 * a_layer == 507_904
    # Five with a window, then one without: 10 of 62.
    assert cache.bytes_per_token_at_context == 10 * a_layer == 81_920
    assert cache.nbytes == 10 * a_layer * K32 + 52 * a_layer * 1024 + 52 * 8
    assert [layer.window for layer in cache.layers[:6]] == [1024] * 5 + [None]


def test_deepseek_v3_keeps_the_latent() -> None:
    cache = of(
        "hf/deepseek_v3",
        num_hidden_layers=61,
        num_attention_heads=128,
        kv_lora_rank=512,
        qk_rope_head_dim=64,
        qk_nope_head_dim=128,
        v_head_dim=128,
    )
    assert cache.bytes_per_token == 61 * (512 + 64) * 2 == 70_272
    assert cache.nbytes == 70_272 * K32
    assert {layer.kind for layer in cache.layers} == {"latent"}
    assert [t.shape for t in cache.layers[0].tensors] == [(1, 1, K32, 512), (1, 1, K32, 64)]


MISTRAL = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "sliding_window": 4096,
}


def test_mistral_7b_beyond_its_window() -> None:
    cache = of("hf/mistral", K32, **MISTRAL)
    assert cache.bytes_per_token == 32 * 8 * 128 * KV == 131_072
    assert cache.bytes_per_token_at_context == 0
    assert cache.nbytes == 131_072 * 4096 + 32 * 8


def test_mistral_7b_within_its_window() -> None:
    """The window is known before it is full."""
    cache = of("hf/mistral", 1024, **MISTRAL)
    assert cache.bytes_per_token_at_context == 131_072
    assert cache.nbytes == 131_072 * 1024 + 32 * 8
    assert {(layer.kind, layer.window) for layer in cache.layers} == {("window", 4096)}


def test_jamba_v0_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kv, "_MOST", 20_000)
    cache = of(
        *("hf/jamba", K32, 2),
        hidden_size=4096,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        attn_layer_period=8,
        attn_layer_offset=4,
        mamba_d_state=16,
        mamba_d_conv=4,
        mamba_expand=2,
    )
    # One layer in eight has attention; of the others each channel has 4 columns and a state of 16 in float32.
    assert cache.bytes_per_token == 4 * 8 * 128 * KV == 16_384
    assert cache.bytes_per_token_at_context == 16_384
    state = 28 * 8192 * (4 * 2 + 16 * 4)
    assert cache.nbytes == 2 * (16_384 * K32 + state)
    kinds = [layer.kind for layer in cache.layers]
    assert kinds == ["full" if index % 8 == 4 else "state" for index in range(32)]
    # Its scan goes through the text token by token.
    assert cache.traced < K32
    assert any("drawn on from there" in note for note in cache.notes)


def test_bamba_has_both_kinds() -> None:
    cache = of(
        *("hf/bamba", K32),
        num_hidden_layers=4,
        attn_layer_indices=[2],
        hidden_size=4096,
        num_attention_heads=32,
        num_key_value_heads=8,
        mamba_n_heads=128,
        mamba_d_head=64,
        mamba_d_state=256,
        mamba_n_groups=1,
        mamba_d_conv=4,
    )
    assert cache.bytes_per_token == 8 * 128 * KV
    # 8192 channels and two groups of 256, 4 columns each; 128 heads of 64 x 256 in float32.
    state = (8192 + 2 * 256) * 4 * 2 + 128 * 64 * 256 * 4
    assert [layer.nbytes for layer in cache.layers] == [state, state, 8 * 128 * KV * K32, state]
    assert [layer.kind for layer in cache.layers] == ["state", "state", "full", "state"]


def test_whisper_large_v3() -> None:
    cache = of(
        *("hf/whisper", 448, 2),
        d_model=1280,
        encoder_layers=32,
        decoder_layers=32,
        encoder_attention_heads=20,
        decoder_attention_heads=20,
        encoder_ffn_dim=5120,
        decoder_ffn_dim=5120,
        num_mel_bins=128,
    )
    a_token = 32 * 1280 * KV
    assert cache.bytes_per_token == cache.bytes_per_token_at_context == a_token == 163_840
    kinds = cache.by_kind()
    assert {kind: len(layers) for kind, layers in kinds.items()} == {"full": 32, "cross": 32}
    # 30 seconds are 1500 positions, at any length of the text.
    assert cache.encoder == 1500
    assert sum(layer.nbytes or 0 for layer in kinds["cross"]) == 2 * a_token * 1500
    assert cache.nbytes == 2 * a_token * (1500 + 448)


def test_t5_small_keeps_as_much_as_its_encoder_was_given() -> None:
    cache = cache_of("hf/t5", context=100, batch=2, dtype="bfloat16", input="input_ids=300:int64")
    a_token = 6 * 8 * 64 * KV
    assert cache.encoder == 300
    assert cache.nbytes == 2 * a_token * (100 + 300)
    assert cache.bytes_per_token == a_token == 12_288


def test_a_sequence_of_several_code_books() -> None:
    """Musicgen has four rows for each sequence, and one cache."""
    cache = of("hf/musicgen", 1024, 2)
    assert cache.batch == 2
    assert cache.bytes_per_token == 24 * 1024 * KV


def test_sparse_attention_keeps_what_it_chooses_by() -> None:
    """DeepSeek-V3.2 has keys of 128 for its indexer beside the latent."""
    cache = of("hf/deepseek_v32", 4096, num_hidden_layers=2)
    assert cache.bytes_per_token == 2 * (512 + 64 + 128) * 2


# Equal to what real tensors keep


class _Found(pickle.Pickler):
    """Finds every tensor in an object by pickling it, which is not how netscope does."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())
        self.tensors: list[torch.Tensor] = []

    def persistent_id(self, one: Any) -> str | None:
        if isinstance(one, torch.Tensor):
            self.tensors.append(one)
            return "a tensor"
        return None


def kept(cache: Any) -> int:
    """Bytes of its storages, each once."""
    finder = _Found()
    finder.dump(cache)
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in finder.tensors}
    return sum(storages.values())


class Real(NamedTuple):
    after_prefill: int
    nbytes: int
    next_token: int


def real(network: nn.Module, inputs: dict[str, torch.Tensor], text: str, context: int, name: str) -> Real:
    """What a network keeps of `context` tokens given at once; with the last by itself; and for one more."""
    network.eval()
    ids = inputs.pop(text)

    def run(tokens: torch.Tensor, **cache: Any) -> Any:
        return getattr(network(**inputs, **{text: tokens}, **cache, use_cache=True), name)

    with torch.no_grad():
        at_once = kept(run(ids[:, :context]))
        cache = run(ids[:, : context - 1])
        cache = run(ids[:, context - 1 : context], **{name: cache})
        here = kept(cache)
        cache = run(ids[:, context : context + 1], **{name: cache})
        return Real(at_once, here, kept(cache) - here)


TINY = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
SMALL = {
    "llama": TINY,
    "mistral": {**TINY, "sliding_window": 7},
    "gemma3_text": {**TINY, "num_hidden_layers": 6, "sliding_window": 7, "head_dim": 8},
    "gpt_oss": {**TINY, "sliding_window": 5, "head_dim": 8, "num_local_experts": 4},
    "gpt2": {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4},
    "gpt_bigcode": {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4},
    "deepseek_v3": {
        **TINY,
        "num_key_value_heads": 4,
        "q_lora_rank": 16,
        "kv_lora_rank": 12,
        "qk_rope_head_dim": 4,
        "qk_nope_head_dim": 8,
        "v_head_dim": 8,
        "n_routed_experts": 4,
        "n_group": 1,
        "topk_group": 1,
        "num_experts_per_tok": 2,
        "first_k_dense_replace": 1,
        "moe_intermediate_size": 16,
    },
    "llama4_text": {
        **TINY,
        "num_hidden_layers": 4,
        "attention_chunk_size": 6,
        "head_dim": 8,
        "num_local_experts": 2,
    },
    "lfm2": {**TINY, "layer_types": ["conv", "full_attention"]},
    "jamba": {
        **TINY,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "num_experts": 2,
        "mamba_d_state": 4,
        "mamba_dt_rank": 4,
        "use_mamba_kernels": False,
    },
    "zamba2": {
        **TINY,
        "num_key_value_heads": 4,
        "layers_block_type": ["mamba", "hybrid"],
        "mamba_d_state": 8,
        "mamba_headdim": 16,
        "n_mamba_heads": 4,
        "mamba_ngroups": 1,
        "num_mem_blocks": 1,
        "use_mem_rope": False,
    },
    "mamba": {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
    "rwkv": {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32},
}
# What keeps blocks of several tokens, scans in chunks, or shares layers, at a context that goes beyond them.
ODD = {
    "deepseek_v4": {
        **TINY,
        "num_hidden_layers": 3,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "q_lora_rank": 16,
        "o_lora_rank": 8,
        "o_groups": 2,
        "qk_rope_head_dim": 8,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "index_n_heads": 2,
        "index_head_dim": 16,
        "index_topk": 4,
        "sliding_window": 8,
        "compress_rates": {"compressed_sparse_attention": 4, "heavily_compressed_attention": 8},
        "layer_types": ["sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"],
    },
    "qwen3_next": {
        **TINY,
        "num_hidden_layers": 4,
        "head_dim": 8,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "num_experts": 2,
        "num_experts_per_tok": 1,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
    "gemma3n_text": {
        **TINY,
        "num_hidden_layers": 4,
        "num_kv_shared_layers": 2,
        "head_dim": 8,
        "sliding_window": 7,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "vocab_size_per_layer_input": 64,
        "hidden_size_per_layer_input": 8,
        "activation_sparsity_pattern": [0.0] * 4,
        "intermediate_size": [48] * 4,
        "laurel_rank": 4,
    },
    "mamba2": {
        "vocab_size": 64,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "state_size": 8,
        "num_heads": 4,
        "head_dim": 16,
        "n_groups": 1,
        "chunk_size": 8,
    },
    "falcon_h1": {
        **TINY,
        "head_dim": 8,
        "mamba_d_ssm": 32,
        "mamba_n_heads": 4,
        "mamba_d_head": 8,
        "mamba_d_state": 8,
        "mamba_n_groups": 1,
        "mamba_chunk_size": 8,
    },
    "xlnet": {"vocab_size": 64, "d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 32, "mem_len": 9},
}
HANDED = {"mamba": "cache_params", "mamba2": "cache_params", "rwkv": "state", "xlnet": "mems"}


@pytest.mark.parametrize(
    ("kind", "context", "batch"),
    [*((kind, 12, 1) for kind in SMALL), *((kind, 41, 3) for kind in {**SMALL, **ODD})],
)
def test_equal_to_a_real_cache(kind: str, context: int, batch: int) -> None:
    workload = read(f"hf/{kind}", Request(batch=batch, options={**SMALL, **ODD}[kind]))
    assert isinstance(workload, Workload)
    assert workload.rebuild is not None
    cache = workload_cache(workload, context=context)
    ids = torch.randint(1, 64, (batch, context + 1))
    found = real(
        workload.rebuild(), {"input_ids": ids}, "input_ids", context, HANDED.get(kind, "past_key_values")
    )
    assert cache.after_prefill == found.after_prefill
    assert cache.nbytes == found.nbytes
    assert cache.bytes_per_token_at_context == found.next_token / batch
    assert cache.stepwise


def test_equal_to_a_real_cache_beside_an_encoder() -> None:
    options = {
        "vocab_size": 64,
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "max_source_positions": 20,
        "max_target_positions": 32,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 1,
    }
    workload = read("hf/whisper", Request(batch=2, options=options))
    assert isinstance(workload, Workload)
    assert workload.rebuild is not None
    cache = workload_cache(workload, context=12)
    inputs = {"input_features": torch.randn(2, 80, 40), "decoder_input_ids": torch.randint(3, 64, (2, 13))}
    found = real(workload.rebuild(), inputs, "decoder_input_ids", 12, "past_key_values")
    assert (cache.after_prefill, cache.nbytes) == (found.after_prefill, found.nbytes)
    assert cache.bytes_per_token == found.next_token / 2 == 2 * 32 * 2 * 4
    assert cache.encoder == 20


@pytest.mark.parametrize("kind", ["llama", "gemma3_text", "deepseek_v3", "jamba", "gpt_bigcode"])
def test_other_contexts_and_batches_follow(kind: str) -> None:
    workload = read(f"hf/{kind}", Request(batch=2, options=SMALL[kind]))
    larger = read(f"hf/{kind}", Request(batch=5, options=SMALL[kind]))
    assert isinstance(workload, Workload)
    assert isinstance(larger, Workload)
    cache, other = workload_cache(workload, context=12), workload_cache(larger, context=40)
    assert cache.at(40, 5) == other.nbytes
    assert cache.at(40, 5, prefill=True) == other.after_prefill
    assert other.at(5, 2) == workload_cache(workload, context=5).nbytes
    assert cache.at(12) == cache.nbytes


# One's own


class Attention(nn.Module):
    """A decoder of one layer, which hands back a tuple of (keys, values)."""

    def __init__(self, window: int | None = None) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 8)
        self.qkv = nn.Linear(8, 24)
        self.window = window

    def forward(self, ids: torch.Tensor, past: Any = None) -> Any:
        q, k, v = self.qkv(self.embed(ids)).chunk(3, dim=-1)
        if past is not None:
            k, v = (torch.cat(pair, dim=1) for pair in zip(past[0], (k, v), strict=True))
        out = torch.softmax(q @ k.transpose(1, 2), -1) @ v
        if self.window:
            k, v = k[:, -self.window :].clone(), v[:, -self.window :].clone()
        return out, [(k, v)]


IDS = torch.zeros(2, 5, dtype=torch.int64)


def test_ones_own_tuples() -> None:
    cache = cache_of(Attention(), context=100, batch=2, args=(IDS,))
    assert cache.bytes_per_token == cache.bytes_per_token_at_context == 2 * 8 * 4
    assert cache.nbytes == 2 * 100 * 2 * 8 * 4
    # Before another token comes, keys and values are views of what one projection made, queries included.
    assert cache.after_prefill == 2 * 100 * 24 * 4
    assert [layer.place for layer in cache.layers] == ["0"]


def test_ones_own_window() -> None:
    cache = cache_of(Attention(window=6), context=100, batch=2, args=(IDS,))
    assert [(layer.kind, layer.window) for layer in cache.layers] == [("window", 6)]
    assert cache.nbytes == cache.after_prefill == 2 * 6 * 2 * 8 * 4
    assert cache.bytes_per_token_at_context == 0


def test_the_batch_asked_for_is_that_of_the_arguments() -> None:
    module = Attention()
    eight = cache_of(module, context=100, batch=8, args=(IDS,))
    assert eight.nbytes == 8 * 100 * 2 * 8 * 4
    assert cache_of(module, context=100, batch=8, input="5:int64").nbytes == eight.nbytes


class Masked(Attention):
    """Is told which of all tokens count."""

    def forward(self, ids: torch.Tensor, attention_mask: torch.Tensor, past: Any = None) -> Any:
        out, ((k, v),) = super().forward(ids, past)
        return out, [(k * attention_mask[..., None], v)]


def test_masks_are_of_all_tokens() -> None:
    cache = cache_of(Masked(), context=100, args=(IDS, torch.ones_like(IDS)))
    assert cache.stepwise
    assert cache.batch == 2
    assert cache.nbytes == 2 * 100 * 2 * 8 * 4


class AsksForValues(Attention):
    def forward(self, ids: torch.Tensor, past: Any = None) -> Any:
        out, [kept] = super().forward(ids, past)
        return (out if out.sum().item() > 0 else -out), [kept]


def test_what_takes_real_tensors_is_seen_at_few_tokens() -> None:
    cache = cache_of(AsksForValues(), context=100_000, args=(IDS,))
    assert cache.traced == 512 // 2 - 1
    assert cache.nbytes == 2 * 100_000 * 2 * 8 * 4
    assert "drawn on from there: it takes real tensors" in cache.notes[0]


class Quantized(Attention):
    """Keeps a byte for each number, and a scale for each token."""

    def forward(self, ids: torch.Tensor, past: Any = None) -> Any:
        _, k, v = self.qkv(self.embed(ids)).chunk(3, dim=-1)
        new = {"k": self.packed(k), "v": self.packed(v)}
        if past is not None:
            new = {
                name: tuple(torch.cat(pair, dim=1) for pair in zip(past[name], one, strict=True))
                for name, one in new.items()
            }
        return {"logits": k, "past": new}

    def packed(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scale = x.abs().amax(-1, keepdim=True).half()
        return (x / scale * 127).to(torch.int8), scale


def test_stored_bytes_of_ones_own_quantized_cache() -> None:
    cache = cache_of(Quantized(), context=100, batch=2, args=(IDS,))
    assert cache.bytes_per_token == 2 * (8 * 1 + 2)
    assert cache.nbytes == 2 * 100 * 2 * (8 + 2)
    assert [(layer.place, [t.dtype for t in layer.tensors]) for layer in cache.layers] == [
        ("k.0", ["int8"]),
        ("k.1", ["float16"]),
        ("v.0", ["int8"]),
        ("v.1", ["float16"]),
    ]


def tiny_llama() -> tuple[Any, dict[str, Any]]:
    import transformers

    config = transformers.LlamaConfig(**TINY)
    return transformers.LlamaForCausalLM(config).eval(), {"transformers": transformers, "config": config}


def test_stored_bytes_of_a_quantized_cache_that_is_given() -> None:
    model, has = tiny_llama()
    given = has["transformers"].QuantizedCache("fp8", has["config"])
    cache = cache_of(model, context=50, batch=1, args=(IDS[:1],), kwargs={"past_key_values": given})
    # A byte for each of 2 heads of 8, of keys and values, in 2 layers.
    assert cache.bytes_per_token == 2 * 2 * 2 * 8
    model(IDS[:1].new_ones(1, 50), past_key_values=given)
    assert cache.after_prefill == kept(given)


def test_a_cache_that_is_all_there_before() -> None:
    model, has = tiny_llama()
    given = has["transformers"].StaticCache(has["config"], max_cache_len=64)
    cache = cache_of(model, context=50, batch=1, args=(IDS[:1],), kwargs={"past_key_values": given})
    assert cache.bytes_per_token == cache.bytes_per_token_at_context == 0
    assert {layer.kind for layer in cache.layers} == {"state"}
    assert given.layers[0].keys is None  # the owner's own is not filled
    model(IDS[:1].new_ones(1, 50), past_key_values=given)
    assert cache.nbytes == kept(given)


class OnlyOnce(nn.Module):
    """Hands back what it cannot be given."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 8)

    def forward(self, ids: torch.Tensor) -> Any:
        x = self.embed(ids)
        return {"logits": x, "cache": [x * 2]}


def test_what_cannot_be_given_again_is_seen_of_whole_texts() -> None:
    cache = cache_of(OnlyOnce(), context=100, batch=2, args=(IDS,))
    assert not cache.stepwise
    assert cache.bytes_per_token == cache.bytes_per_token_at_context == 8 * 4
    assert cache.nbytes == cache.after_prefill == 2 * 100 * 8 * 4
    assert "no token could be added" in cache.notes[0]


# What cannot be


def test_no_cache() -> None:
    with pytest.raises(UsageError, match="keeps no cache"):
        cache_of("hf/bert", context=128)
    with pytest.raises(UsageError, match="takes no text"):
        cache_of("alexnet", context=128)


def test_a_wrong_context() -> None:
    with pytest.raises(UsageError, match="context of 0 tokens"):
        cache_of(Attention(), context=0, args=(IDS,))


def test_no_sequences() -> None:
    with pytest.raises(UsageError, match="no sequences"):
        cache_of("hf/llama", context=8, batch=0, options=TINY)


def test_a_report_has_no_network() -> None:
    with pytest.raises(UsageError, match="a report has no network"):
        cache_of(netscope.summary(Attention(), args=(IDS,)), context=128)


def test_a_text_that_is_too_long() -> None:
    with pytest.raises(TraceError, match=r"transformer\.h\.0\.attn\.attention on a text of 4,096 tokens"):
        cache_of("hf/gpt_neo", context=4096)
