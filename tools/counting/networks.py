"""Networks without a convolution, which a device that only counts can train: none of them looks at values."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

Made = tuple[nn.Module, tuple[Any, ...]]

_WORDS = 8000


def _ids(batch: int = 8, length: int = 256) -> torch.Tensor:
    return torch.zeros(batch, length, dtype=torch.int64)


def mlp() -> Made:
    """Wide layers, dropout and a norm."""
    return nn.Sequential(
        nn.Linear(1024, 4096),
        nn.GELU(),
        nn.Dropout(0.1),
        nn.LayerNorm(4096),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    ), (torch.zeros(2048, 1024),)


class Mixing(nn.Module):
    """A block of an MLP-Mixer."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.over = nn.Sequential(nn.Linear(tokens, 2 * tokens), nn.GELU(), nn.Linear(2 * tokens, tokens))
        self.along = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> Any:
        """Over the patches, then along each."""
        x = x + self.over(self.first(x).transpose(1, 2)).transpose(1, 2)
        return x + self.along(self.second(x))


class Patches(nn.Module):
    """Patches of 16 x 16 pixels by a linear layer, some blocks, and classes of their mean."""

    def __init__(self, width: int, blocks: nn.Module, tokens: int) -> None:
        super().__init__()
        self.embed = nn.Linear(3 * 16 * 16, width)
        self.place = nn.Parameter(torch.zeros(1, tokens, width))
        self.blocks = blocks
        self.head = nn.Linear(width, 1000)

    def forward(self, x: torch.Tensor) -> Any:
        """Of images."""
        batch, channels, rows, columns = x.shape
        x = x.reshape(batch, channels, rows // 16, 16, columns // 16, 16)
        x = x.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * 256)
        return self.head(self.blocks(self.embed(x) + self.place).mean(1))


def mixer() -> Made:
    """MLP-Mixer."""
    return Patches(512, nn.Sequential(*(Mixing(196, 512) for _ in range(4))), 196), (
        torch.zeros(16, 3, 224, 224),
    )


def vit() -> Made:
    """A vision transformer of timm's blocks, whose patches go through a linear layer."""
    from timm.models.vision_transformer import Block

    return Patches(384, nn.Sequential(*(Block(384, 6, qkv_bias=True) for _ in range(6))), 196), (
        torch.zeros(16, 3, 224, 224),
    )


def encoder() -> Made:
    """torch's own encoder, batch first."""
    layer = nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
    return nn.TransformerEncoder(layer, 4), (torch.zeros(8, 256, 512),)


def transformer() -> Made:
    """torch's own encoder and decoder, batch second."""
    made = nn.Transformer(256, 8, 2, 2, 1024)
    return made, (torch.zeros(200, 8, 256), torch.zeros(100, 8, 256))


def bert() -> Made:
    """BERT for masked words."""
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(
        BertConfig(
            vocab_size=_WORDS,
            hidden_size=512,
            num_hidden_layers=4,
            intermediate_size=2048,
            num_attention_heads=8,
        )
    ), (_ids(),)


def gpt2() -> Made:
    """GPT-2."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config(vocab_size=_WORDS, n_embd=512, n_layer=4, n_head=8)), (_ids(),)


def llama() -> Made:
    """Llama with two queries for each key."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=_WORDS,
            hidden_size=512,
            num_hidden_layers=4,
            intermediate_size=1408,
            num_attention_heads=8,
            num_key_value_heads=4,
        )
    ), (_ids(),)


def qwen3() -> Made:
    """Qwen3, which has norms of queries and keys."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=_WORDS,
            hidden_size=512,
            num_hidden_layers=4,
            intermediate_size=1408,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=64,
        )
    ), (_ids(),)


def gemma2() -> Made:
    """Gemma 2: norms after, caps, a window."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    return Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=_WORDS,
            hidden_size=512,
            num_hidden_layers=4,
            intermediate_size=1408,
            num_attention_heads=8,
            num_key_value_heads=4,
            head_dim=64,
            sliding_window=128,
        )
    ), (_ids(),)


class Both(nn.Module):
    """An encoder and decoder that get the same ids."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, ids: torch.Tensor) -> Any:
        """Both in one."""
        return self.inner(input_ids=ids, decoder_input_ids=ids)


def t5() -> Made:
    """T5, whose attention has a bias of places. Gradients of more than 3,072 of these would be sorted."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=_WORDS, d_model=512, d_kv=64, d_ff=1024, num_layers=3, num_heads=8)
    return Both(T5ForConditionalGeneration(config)), (_ids(32, 48),)


def distilbert() -> Made:
    """DistilBERT for classes."""
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    return DistilBertForSequenceClassification(
        DistilBertConfig(vocab_size=_WORDS, dim=512, n_layers=4, n_heads=8, hidden_dim=2048)
    ), (_ids(16, 128),)


def opt() -> Made:
    """OPT."""
    from transformers import OPTConfig, OPTForCausalLM

    return OPTForCausalLM(
        OPTConfig(
            vocab_size=_WORDS,
            hidden_size=512,
            num_hidden_layers=4,
            ffn_dim=2048,
            num_attention_heads=8,
            word_embed_proj_dim=512,
        )
    ), (_ids(),)


NETWORKS = {
    made.__name__: made
    for made in (
        mlp,
        mixer,
        vit,
        encoder,
        transformer,
        bert,
        distilbert,
        gpt2,
        opt,
        llama,
        qwen3,
        gemma2,
        t5,
    )
}
