"""Example inputs of text: token ids, and what goes with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netscope.base.workload import TensorSpec
from netscope.sources.huggingface.network import Network, number

# Tokens of a text, unless the network holds fewer.
TOKENS: Final = 128


def length(network: Network) -> int:
    """Tokens of a text."""
    limits = (
        getattr(network.text, n, None) for n in ("max_position_embeddings", "n_positions", "max_seq_len")
    )
    return min([TOKENS, *(limit for limit in limits if isinstance(limit, int) and limit > 0)])


def _tokens(network: Network) -> Any:
    return network.ids(length(network))


def _decoder_tokens(network: Network) -> Any:
    limit = getattr(network.config, "max_target_positions", None)
    return network.ids(min(length(network), limit or TOKENS))


def _mask(network: Network) -> Any:
    return network.filled(1, length(network))


def _boxes(network: Network) -> Any:
    """The corners of each token's box, on a page of 1000 x 1000."""
    return network.filled(0, length(network), 4)


def _language(network: Network) -> Any:
    return network.filled(0)


def _embeddings(network: Network) -> Any:
    return network.floats(length(network), number(network.text, "hidden_size", "d_model", otherwise=1))


def _queries(network: Network) -> TensorSpec:
    width = number(network.config, "hidden_size", otherwise=1)
    return network.floats(number(network.config, "num_query_tokens", otherwise=32), width)


SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    "input_ids": _tokens,
    "decoder_input_ids": _decoder_tokens,
    "attention_mask": _mask,
    "bbox": _boxes,
    "lang_ids": _language,
    "inputs": _tokens,
    "inputs_embeds": _embeddings,
    "query_embeds": _queries,
    "qformer_input_ids": _tokens,
}
