from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from netscope.formulas import cost_of
from netscope.formulas.attention import causal_pairs
from tests.formulas.support import cost, macs_of, operator, recorded, spec

SDPA = "aten.scaled_dot_product_attention.default"


def test_attention_of_twelve_heads() -> None:
    q = spec(1, 12, 64, 64)
    # both products: B*H*L*S*(E + Ev)
    expected = 12 * 64 * 64 * (64 + 64)
    found = cost(SDPA, q, q, q, out=q)
    assert found.macs == expected == 6_291_456
    assert found.causal_macs is None


def test_grouped_queries_count_query_heads() -> None:
    q, kv = spec(1, 8, 16, 8), spec(1, 2, 16, 8)
    assert cost(SDPA, q, kv, kv, enable_gqa=True, out=q).macs == 8 * 16 * 16 * (8 + 8) == 32_768


def test_vector_arithmetic_per_score() -> None:
    """scale; then per row of S: S-1 maxima, S subtractions, S exp, S-1 additions, S divisions."""
    q, kv = spec(2, 3, 5, 4), spec(2, 3, 7, 4)
    rows, keys = 2 * 3 * 5, 7
    found = cost(SDPA, q, kv, kv, out=q).vector
    assert found.mul == rows * keys
    assert found.exp == found.div == rows * keys
    assert found.cmp == rows * (keys - 1)
    assert found.add == rows * (keys + keys - 1)

    masked = cost(SDPA, q, kv, kv, spec(5, 7), out=q).vector
    assert masked.add - found.add == rows * keys
    selected = cost(SDPA, q, kv, kv, attn_mask=spec(5, 7, dtype="bool"), out=q).vector
    assert selected.cmp - found.cmp == rows * keys
    dropped = cost(SDPA, q, kv, kv, None, 0.1, out=q).vector
    assert (dropped.mul - found.mul, dropped.div - found.div) == (rows * keys, rows * keys)


@given(st.integers(1, 9), st.integers(1, 9))
def test_causal_pairs_by_counting(length: int, keys: int) -> None:
    mask = torch.ones(length, keys, dtype=torch.bool)
    assert causal_pairs(length, keys) == int(mask.tril().sum())
    assert causal_pairs(length, keys, bottom_right=True) == int(mask.tril(keys - length).sum())


def test_causal_attention_is_counted_full_and_says_what_is_needed() -> None:
    q = spec(2, 4, 10, 8)
    for found in (cost(SDPA, q, q, q, is_causal=True, out=q), cost(SDPA, q, q, q, None, 0.0, True, out=q)):
        assert found.macs == 2 * 4 * 10 * 10 * 16
        assert found.causal_macs == 2 * 4 * sum(i + 1 for i in range(10)) * 16


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("_scaled_dot_product_attention_math.default", (None, 0.0, True)),
        ("_scaled_dot_product_flash_attention.default", (0.0, True)),
        ("_scaled_dot_product_flash_attention_for_cpu.default", (0.0, True)),
        ("_scaled_dot_product_efficient_attention.default", (None, False, 0.0, True)),
        ("_scaled_dot_product_cudnn_attention.default", (None, False, 0.0, True)),
        ("_scaled_dot_product_fused_attention_overrideable.default", (None, 0.0, True)),
    ],
)
def test_every_backend_counts_the_same(name: str, args: tuple[Any, ...]) -> None:
    q, k, v = spec(2, 4, 10, 8), spec(2, 4, 12, 8), spec(2, 4, 12, 6)
    expected = cost(SDPA, q, k, v, is_causal=True, out=spec(2, 4, 10, 6))
    assert cost(f"aten.{name}", q, k, v, *args, out=spec(2, 4, 10, 6)) == expected


size = st.integers(1, 5)


@settings(max_examples=30)
@given(b=size, h=size, length=size, keys=size, e=size)
def test_attention_agrees_with_the_flop_counter_on_its_math_form(
    b: int, h: int, length: int, keys: int, e: int
) -> None:
    q, k = torch.randn(b, h, length, e), torch.randn(b, h, keys, e)

    def run() -> None:
        with sdpa_kernel(SDPBackend.MATH):
            functional.scaled_dot_product_attention(q, k, k)

    with FlopCounterMode(display=False) as counter:
        run()
    found = cost(
        SDPA, spec(b, h, length, e), spec(b, h, keys, e), spec(b, h, keys, e), out=spec(b, h, length, e)
    )
    assert 2 * found.macs == counter.get_total_flops() == 2 * macs_of(run)


def test_backward_is_five_products() -> None:
    q = torch.randn(1, 2, 16, 8, requires_grad=True)
    out = functional.scaled_dot_product_attention(q, q, q, is_causal=True)
    backward = [op for op in recorded(lambda: out.sum().backward()) if "attention" in op.name]
    assert [op.name for op in backward] == [
        "aten._scaled_dot_product_flash_attention_for_cpu_backward.default"
    ]
    found = cost_of(backward[0])
    assert found is not None
    assert found.macs == 2 * 16 * 16 * 8 * 5
    assert found.causal_macs == 2 * (16 * 17 // 2) * 8 * 5


def test_packed_sequences_are_unknown() -> None:
    q, lengths = spec(10, 2, 8), spec(3, dtype="int32")
    args = (q, q, q, lengths, lengths, 5, 5, 0.0, False, False)
    assert cost_of(operator("aten._flash_attention_forward.default", *args, out=q)) is None


def test_fused_encoder_layer() -> None:
    """TransformerEncoderLayer(64, 4, 128) on (2, 16, 64), eval: 1,114,112, fused or not."""
    layer = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True).eval()
    x = torch.randn(2, 16, 64)
    tokens = 2 * 16
    projections = tokens * 64 * (3 * 64) + tokens * 64 * 64
    scores = 2 * 16 * 16 * (64 + 64)  # 4 heads of 16 features
    feed_forward = 2 * tokens * 64 * 128
    expected = projections + scores + feed_forward
    assert expected == 1_114_112

    def run() -> None:
        with torch.no_grad():
            layer(x)

    fused = recorded(run)
    assert [op.name for op in fused if "fwd" in op.name] == ["aten._transformer_encoder_layer_fwd.default"]
    assert macs_of(run) == expected
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        assert macs_of(run) == expected
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_fused_multi_head_attention() -> None:
    attention = torch.nn.MultiheadAttention(32, 4, batch_first=True).eval()
    x = torch.randn(2, 10, 32)

    def run() -> None:
        with torch.no_grad():
            attention(x, x, x)

    assert any("_native_multi_head_attention" in op.name for op in recorded(run))
    assert macs_of(run) == 2 * 10 * (4 * 32 * 32) + 2 * 10 * 10 * (32 + 32)


def test_flex_attention_counts_full() -> None:
    q, kv = spec(1, 4, 8, 16), spec(1, 2, 8, 16)
    assert cost("flex_attention", q, kv, kv, "<score_mod>", out=q).macs == 4 * 8 * 8 * 32
