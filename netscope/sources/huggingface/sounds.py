"""Example inputs of sound: waveforms and spectrograms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch import nn

from netscope.sources.huggingface.network import Network, first_layer, number

# Samples of a sound: one second at the usual 16 kHz; and of a step of its spectrogram.
SAMPLES_OF_SOUND: Final = 16_000
_STEP: Final = 160
_TOWERS: Final = ("audio_config", "encoder_config", "audio_encoder_config", "audio_encoder")
_BANDS: Final = ("feature_size", "num_mel_bins", "input_feat_size", "n_mels", "input_dim", "feat_dim")
# What the number of steps must be a multiple of.
_GROUPS: Final = ("subsampling_factor", "conf_reduction_factor")


def _steps(config: Any) -> int:
    """Steps of a spectrogram, of a second or a little more."""
    steps = SAMPLES_OF_SOUND // _STEP
    group = number(config, *_GROUPS, otherwise=1)
    window = number(config, "n_window", otherwise=0)
    group = 2 * window or group
    return -(-steps // group) * group


def _bands(network: Network) -> tuple[bool, int, int]:
    """(whether they come before the steps, how many bands, how many steps)."""
    config = network.part(*_TOWERS)
    bands = number(config, *_BANDS, otherwise=number(network.config, *_BANDS, otherwise=80))
    if hasattr(config, "max_source_positions") and hasattr(config, "num_mel_bins"):
        return True, bands, 2 * int(config.max_source_positions)  # whisper halves it in time
    first = first_layer(network.module, nn.Conv1d, nn.Conv2d, nn.Linear, nn.LayerNorm)
    match first:
        case nn.Conv1d(in_channels=channels) if channels == bands:
            return True, bands, _steps(config)
        case nn.Linear(in_features=features):
            bands = features
        case nn.LayerNorm(normalized_shape=(int() as features,)):
            bands = features
    return "n_window" in vars(config), bands, _steps(config)


def _spectrogram(network: Network) -> Any:
    first, bands, steps = _bands(network)
    return network.floats(bands, steps) if first else network.floats(steps, bands)


def _heard(network: Network) -> Any:
    """Which steps are sound, and not padding."""
    return network.filled(1, _bands(network)[2])


def _all_heard(network: Network) -> Any:
    return network.filled(False, _bands(network)[2])


def _sound(network: Network) -> Any:
    config = network.config
    if hasattr(config, "max_length") and hasattr(config, "num_mel_bins") and hasattr(config, "patch_size"):
        return network.floats(config.max_length, config.num_mel_bins)  # the audio spectrogram transformer
    if hasattr(config, "codebook_size") and hasattr(config, "sampling_rate"):
        return network.floats(int(getattr(config, "audio_channels", 1)), SAMPLES_OF_SOUND)  # codecs: channels
    return network.floats(SAMPLES_OF_SOUND)


def _latents(network: Network) -> Any:
    """What a codec's decoder begins with: 25 steps."""
    return network.floats(number(network.config, "hidden_size", otherwise=1), 25)


SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    "input_features": _spectrogram,
    "audio_mel": _spectrogram,
    "input_features_mask": _heard,
    "audio_mel_mask": _all_heard,
    "input_values": _sound,
    "latents": _latents,
}
