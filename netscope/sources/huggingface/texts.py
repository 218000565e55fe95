"""Example inputs of text: token ids, and what goes with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch

from netscope.base.workload import TensorSpec
from netscope.sources.huggingface import patches
from netscope.sources.huggingface.network import Network, number

# Tokens of a text, unless the network holds fewer.
TOKENS: Final = 128
# Kinds of things that are looked for in an image, and the tokens of the name of each.
CLASSES: Final = 4
CLASS_TOKENS: Final = 16
# The id of some word: those before it are of padding, the beginning, the end and the like.
_WORD: Final = 5


def length(network: Network) -> int:
    """Tokens of a text."""
    limits = (
        getattr(network.text, n, None) for n in ("max_position_embeddings", "n_positions", "max_seq_len")
    )
    return min([TOKENS, *(limit for limit in limits if isinstance(limit, int) and limit > 0)])


def placeholders(network: Network) -> tuple[int, int, int] | None:
    """(the token in whose place a piece of an image comes, how many an image has, the token after them)."""
    config = network.config
    if "pixel_values" not in network.taken or network.writes:
        return None
    token = number(config, "image_token_id", "image_token_index", otherwise=-1)
    count = number(config, "mm_tokens_per_image", "image_seq_length", "num_query_tokens", otherwise=0)
    if "images_per_sample" in network.taken:  # drawn from a text
        return None
    if "image_grid_thw" in network.taken:
        count = patches.side(network) ** 2 // patches.merged(network) ** 2
    end = number(config, "image_end_token_id", otherwise=_WORD)
    return (token, count, end) if token >= 0 and count else None


def _tokens(network: Network) -> Any:
    offsets = dict(network.module.named_buffers()).get("model.embed_tokens.audio_tokens_offsets")
    if offsets is not None:  # of a text, and of all codebooks of a sound beside it
        return network.ids(length(network), int(offsets.numel()))
    image = placeholders(network)
    if image is None:
        # These ask where the text has ended, or which of its tokens are of a sound or an image.
        asked = {"lengths", "global_attention_mask", "audio_input_ids", "images_per_sample"} & {
            *network.taken
        }
        return network.filled(_WORD, length(network)) if asked else network.ids(length(network))
    token, count, end = image
    row = torch.full((count + length(network),), _WORD)
    row[:count] = token
    row[count] = end
    return row.repeat(network.batch, 1)


def _decoder_tokens(network: Network) -> Any:
    limit = getattr(network.config, "max_target_positions", None)
    steps = min(length(network), limit or TOKENS)
    decoder = getattr(network.config, "decoder_config", None) or getattr(network.config, "decoder", None)
    books = number(decoder, "num_codebooks", otherwise=1)
    if books > 1:  # each a sequence of its own
        return TensorSpec((network.batch * books, steps), "int64")
    channels = number(decoder, "num_channels", otherwise=1)
    return network.ids(steps, channels) if channels > 1 else network.ids(steps)


def _mask(network: Network) -> Any:
    image = placeholders(network)
    return network.filled(1, length(network) + (image[1] if image else 0))


def _boxes(network: Network) -> Any:
    """The corners of each token's box, on a page of 1000 x 1000, or of one."""
    if hasattr(network.config, "relative_bias_args"):
        return network.floats(length(network), 4)
    return network.filled(0, length(network), 4)


def _language(network: Network) -> Any:
    return network.filled(0)


def _embeddings(network: Network) -> Any:
    return network.floats(length(network), number(network.text, "hidden_size", "d_model", otherwise=1))


def _queries(network: Network) -> TensorSpec:
    width = number(network.config, "hidden_size", otherwise=1)
    return network.floats(number(network.config, "num_query_tokens", otherwise=32), width)


def _seen(network: Network) -> Any:
    """What an image's encoder says of 16 x 16 patches and of the whole."""
    return network.floats(257, number(network.config, "encoder_hidden_size", otherwise=1))


def _noise(network: Network) -> Any:
    """What becomes the next block of tokens, or an action."""
    config = network.config
    if hasattr(config, "max_action_dim"):
        return network.floats(number(config, "chunk_size", otherwise=1), int(config.max_action_dim))
    return network.floats(
        number(config, "block_size", otherwise=TOKENS), number(config, "hidden_size", otherwise=1)
    )


def _context(network: Network) -> Any:
    """What layers of the network that is assisted said of the tokens before."""
    layers = getattr(network.config, "target_layer_ids", None) or (0,)
    return network.floats(length(network), len(layers) * number(network.config, "hidden_size", otherwise=1))


def _classes(network: Network) -> Any:
    return torch.full((network.batch * CLASSES, CLASS_TOKENS), _WORD)


def _class_mask(network: Network) -> Any:
    return torch.ones(network.batch * CLASSES, CLASS_TOKENS, dtype=torch.int64)


def _class_numbers(network: Network) -> Any:
    return torch.full((network.batch,), CLASSES)


def _task(network: Network) -> Any:
    return network.filled(_WORD, number(network.config, "task_seq_len", otherwise=CLASS_TOKENS))


def _task_mask(network: Network) -> Any:
    return network.filled(1, CLASS_TOKENS)


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
    "encoder_hidden_states": _seen,
    "noise": _noise,
    "noise_embeds": _noise,
    "context_hidden_states": _context,
    "classes_input_ids": _classes,
    "classes_attention_mask": _class_mask,
    "classes_structure": _class_numbers,
    "tasks_input_ids": _task,
    "tasks_attention_mask": _task_mask,
    "task_inputs": _task,
}
