"""speechbrain: its lobes for speech, speakers and separation."""

from __future__ import annotations

import torch
from speechbrain.lobes.models.conv_tasnet import MaskNet
from speechbrain.lobes.models.CRDNN import CRDNN
from speechbrain.lobes.models.dual_path import Decoder, Encoder
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from speechbrain.lobes.models.HifiGAN import HifiganGenerator
from speechbrain.lobes.models.RNNLM import RNNLM
from speechbrain.lobes.models.Tacotron2 import Tacotron2
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR
from speechbrain.lobes.models.transformer.TransformerLM import TransformerLM
from speechbrain.lobes.models.VanillaNN import VanillaNN
from speechbrain.lobes.models.Xvector import Xvector

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = ("speechbrain",)

NETWORKS = {
    "CRDNN": lambda: call(CRDNN(input_shape=(None, None, 40)), floats(2, 100, 40)),
    "ECAPA_TDNN": lambda: call(ECAPA_TDNN(80, lin_neurons=192), floats(2, 100, 80)),
    "Xvector": lambda: call(Xvector(in_channels=24), floats(2, 100, 24)),
    "VanillaNN": lambda: call(VanillaNN(input_shape=(None, None, 40)), floats(2, 100, 40)),
    "RNNLM": lambda: call(RNNLM(1000, embedding_dim=64, rnn_neurons=128), ids(2, 20)),
    "TransformerLM": lambda: call(TransformerLM(1000, d_model=128, nhead=4, d_ffn=256), ids(2, 20)),
    "TransformerASR": lambda: call(
        TransformerASR(
            tgt_vocab=100,
            input_size=80,
            d_model=128,
            nhead=4,
            num_encoder_layers=2,
            num_decoder_layers=2,
            d_ffn=256,
        ),
        floats(2, 50, 80),
        torch.ones(2, 10, dtype=torch.long),
    ),
    "ConformerEncoder": lambda: call(
        ConformerEncoder(2, 128, 256, 4), floats(2, 50, 128), pos_embs=floats(1, 99, 128)
    ),
    "HifiganGenerator": lambda: call(
        HifiganGenerator(
            80, 1, "1", [[1, 3, 5], [1, 3, 5], [1, 3, 5]], [3, 7, 11], [16, 16, 4, 4], 128, [8, 8, 2, 2]
        ),
        floats(1, 80, 32),
    ),
    "ConvTasNet mask": lambda: call(MaskNet(64, 64, 128, 3, 4, 2, C=2), floats(2, 64, 100)),
    "Encoder": lambda: call(Encoder(16, 64), floats(2, 8000)),
    "Decoder": lambda: call(Decoder(64, 1, kernel_size=16, stride=8, bias=False), floats(2, 64, 999)),
    "Tacotron2": lambda: call(
        Tacotron2(),
        (
            torch.zeros(1, 20, dtype=torch.long),
            torch.tensor([20]),
            torch.randn(1, 80, 30),
            1.0,
            torch.tensor([30]),
        ),
    ),
}
