"""Decoders' caches in bfloat16, by hand: keys and values of every layer, as their publications have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tools.memory_report.section import Result, Section, table

_CONTEXT: Final = 32 * 1024
_DATA: Final = Path(__file__).resolve().parents[2] / "tests" / "data"


class Case(NamedTuple):
    """A network.

    by_hand:
        the arithmetic, as Python.
    """

    name: str
    model: str
    options: dict[str, Any]
    by_hand: str
    context: int = _CONTEXT


CASES: Final = (
    Case(
        "llama-3 8B",
        "hf/llama",
        {
            "hidden_size": 4096,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 14336,
            "vocab_size": 128256,
        },
        "32 * 2 * 8 * 128 * 2",
    ),
    Case("gpt-oss-120b", f"hf/{_DATA / 'gpt_oss_120b.json'}", {}, "36 * 2 * 8 * 64 * 2"),
    Case(
        "Gemma-3 27B",
        "hf/gemma3_text",
        {
            "hidden_size": 5376,
            "num_hidden_layers": 62,
            "num_attention_heads": 32,
            "num_key_value_heads": 16,
            "head_dim": 128,
            "intermediate_size": 21504,
            "sliding_window": 1024,
            "vocab_size": 262208,
        },
        "62 * 2 * 16 * 128 * 2",
    ),
    Case("DeepSeek-V3", "hf/deepseek_v3", {}, "61 * (512 + 64) * 2"),
    Case("Mistral 7B, window 4096", "hf/mistral", {}, "32 * 2 * 8 * 128 * 2"),
    Case("Jamba v0.1", "hf/jamba", {}, "4 * 2 * 8 * 128 * 2"),
    Case(
        "whisper large-v3",
        "hf/whisper",
        {
            "d_model": 1280,
            "encoder_layers": 32,
            "decoder_layers": 32,
            "encoder_attention_heads": 20,
            "decoder_attention_heads": 20,
            "num_mel_bins": 128,
            "vocab_size": 51866,
        },
        "32 * 2 * 1280 * 2",
        440,
    ),
)


def measure(name: str) -> dict[str, Any]:
    """What is predicted: bytes a token, the next one, and the context."""
    from netscope.api.kv import cache_of

    case = next(case for case in CASES if case.name == name)
    cache = cache_of(case.model, context=case.context, dtype="bfloat16", options=case.options)
    kinds = {kind: len(layers) for kind, layers in cache.by_kind().items()}
    return {
        "a_token": cache.bytes_per_token,
        "next": cache.bytes_per_token_at_context,
        "nbytes": cache.nbytes,
        "kinds": json.dumps(kinds),
    }


def text(results: Sequence[Result]) -> str:
    """A table, by hand beside what was traced."""
    by_name = {case.name: case for case in CASES}
    rows = []
    for result in results:
        case = by_name.get(result["case"])
        if case is None or "error" in result:
            continue
        hand = eval(case.by_hand)  # noqa: S307 - arithmetic of this file
        kinds = ", ".join(f"{n} {kind}" for kind, n in json.loads(result["kinds"]).items())
        equal = "equal" if hand == result["a_token"] else f"{result['a_token']:,}"
        rows.append(
            (
                case.name,
                f"{case.by_hand.replace('*', '×')} = {hand:,}",
                equal,
                f"{result['next']:,.0f}",
                f"{case.context:,}",
                f"{result['nbytes']:,}",
                kinds,
            )
        )
    head = ("network", "bytes a token, by hand", "traced", "next token", "context", "bytes", "layers")
    return (
        "Bytes for each token of one sequence while no window is full, and for the next one at that context. "
        "That they equal the tensors of real caches, of 20 small configurations, is in the tests.\n\n"
        + table(head, rows)
    )


SECTION: Final = Section("cache", "Caches of decoders", lambda: [case.name for case in CASES], measure, text)
