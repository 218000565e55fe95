"""torchaudio: its models, without weights."""

from __future__ import annotations

import torch
from torchaudio import models, transforms

from tools.coverage.specs import call, floats, ids

DISTRIBUTIONS = ("torchaudio",)

NETWORKS = {
    "Conformer": lambda: call(models.Conformer(80, 4, 128, 2, 31), floats(1, 100, 80), torch.tensor([100])),
    "ConvTasNet": lambda: call(models.ConvTasNet(), floats(1, 1, 8000)),
    "DeepSpeech": lambda: call(models.DeepSpeech(128), floats(1, 1, 100, 128)),
    "Emformer": lambda: call(
        models.Emformer(128, 4, 256, 2, 16, right_context_length=4), floats(1, 68, 128), torch.tensor([68])
    ),
    "HDemucs-low": lambda: call(
        models.hdemucs_low(["drums", "bass", "other", "vocals"]), floats(1, 2, 44100)
    ),
    "RNNT": lambda: call(
        models.emformer_rnnt_base(1000),
        floats(1, 132, 80),
        torch.tensor([132], dtype=torch.int32),
        torch.zeros(1, 10, dtype=torch.int32),
        torch.tensor([10], dtype=torch.int32),
    ),
    "Tacotron2": lambda: call(
        models.Tacotron2(n_symbol=40), ids(1, 20), torch.tensor([20]), floats(1, 80, 30), torch.tensor([30])
    ),
    "Wav2Letter": lambda: call(models.Wav2Letter(num_features=40), floats(1, 40, 400)),
    "WaveRNN": lambda: call(
        models.WaveRNN([5, 5, 8], 512, 200), floats(1, 1, (20 - 5 + 1) * 200), floats(1, 1, 128, 20)
    ),
    "wav2vec2_base": lambda: call(models.wav2vec2_base(), floats(1, 16000)),
    "hubert_base": lambda: call(models.hubert_base(), floats(1, 16000)),
    "wavlm_base": lambda: call(models.wavlm_base(), floats(1, 16000)),
    "squim_objective_base": lambda: call(models.squim_objective_base(), floats(1, 16000)),
    "MelSpectrogram": lambda: call(transforms.MelSpectrogram(16000), floats(1, 16000)),
    "MFCC": lambda: call(transforms.MFCC(16000), floats(1, 16000)),
    "GriffinLim": lambda: call(transforms.GriffinLim(n_fft=400, n_iter=4), floats(1, 201, 50)),
}
