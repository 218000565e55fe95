"""Example inputs of sound: waveforms and spectrograms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from torch import nn

from netscope.sources.huggingface import texts
from netscope.sources.huggingface.network import Network, first_layer, number
from netscope.sources.huggingface.repair import parts

# Samples of a sound: one second at the usual 16 kHz; and of a step of its spectrogram.
SAMPLES_OF_SOUND: Final = 16_000
_STEP: Final = 160
_USUAL_BANDS: Final = 80
_TOWERS: Final = ("audio_config", "encoder_config", "audio_encoder_config", "audio_encoder")
_BANDS: Final = ("feature_size", "num_mel_bins", "input_feat_size", "n_mels", "input_dim", "feat_dim")
# Configurations of what makes a few codes of a sound, and takes it with its channels.
_OF_CODECS: Final = ("codebook_size", "upsampling_ratios", "downsampling_ratios", "downsampling_rates")
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
    known = number(config, *_BANDS, otherwise=number(network.config, *_BANDS, otherwise=0))
    if hasattr(config, "max_source_positions") and hasattr(config, "num_mel_bins"):
        return True, known, 2 * int(config.max_source_positions)  # whisper halves it in time
    images = [m for m in network.module.modules() if isinstance(m, nn.Conv2d)]
    if images and images[0].in_channels == 1:  # looks at it as at an image
        return hasattr(config, "n_window"), known or _bands_before(network.module, images), _steps(config)
    match first_layer(network.module, nn.Conv1d, nn.Linear, nn.LayerNorm):
        case nn.Conv1d(in_channels=channels) if channels == known or not known:
            # Its own layer turns them over where it is told how many there are in a channel.
            return not hasattr(config, "input_feat_per_channel"), channels, _steps(config)
        case nn.Linear(in_features=wide) | nn.LayerNorm(normalized_shape=(int() as wide,)):
            joined = number(config, "subsampling_factor", otherwise=1)
            if joined > 1 and wide == joined * (known or wide // joined):  # by the network
                return False, wide // joined, _steps(config)
            one = known or (_USUAL_BANDS if wide % _USUAL_BANDS == 0 else wide)
            if wide % one == 0:  # or before it
                return False, wide, _steps(config) * one // wide
    return False, known or _USUAL_BANDS, _steps(config)


def _bands_before(module: nn.Module, images: list[nn.Conv2d]) -> int:
    """Bands of which convolutions make what the first linear layer after them takes."""
    wide = next((m.in_features for m in module.modules() if isinstance(m, nn.Linear)), 0)
    strides = math.prod(int(m.stride[-1]) for m in images)
    bands, rest = divmod(wide * strides, images[-1].out_channels)
    return bands if bands and not rest else _USUAL_BANDS


def is_heard(network: Network) -> bool:
    """Whether the network begins with the samples of a sound."""
    return isinstance(first_layer(network.module, nn.Conv1d, nn.Embedding, nn.Linear), nn.Conv1d)


def _spectrogram(network: Network) -> Any:
    config = network.part(*_TOWERS)
    if hasattr(config, "spec_size") and hasattr(config, "enable_fusion"):  # cut up into a square
        side = int(config.spec_size)
        return network.floats(1, side * side // int(config.num_mel_bins), int(config.num_mel_bins))
    if hasattr(network.config, "speech_config") and "conditioning_encoder_inputs_embeds" in network.taken:
        return network.floats(number(network.config.decoder_config, "feature_size", otherwise=80), 100)
    first, bands, steps = _bands(network)
    if "num_delay_tokens" in network.taken:  # each token hears as much
        steps = texts.length(network) * _per_token(network)
    return network.floats(bands, steps) if first else network.floats(steps, bands)


def _per_token(network: Network) -> int:
    """Steps of the spectrogram for each token: halved by convolutions, then joined."""
    return 2 * number(network.config, "downsample_factor", otherwise=1)


def _longer(network: Network) -> Any:
    """Whether the sound was longer than what is given of it."""
    return network.filled(False, 1)


def _heard(network: Network) -> Any:
    """Which steps are sound, and not padding."""
    return network.filled(1, _bands(network)[2])


def _all_heard(network: Network) -> Any:
    return network.filled(False, _bands(network)[2])


def _hop(network: Network) -> int:
    """Samples of which a codec makes one step; 1 where that is not known."""
    hops = [number(part, "hop_length", otherwise=0) for part in parts(network.config).values()]
    return next(filter(None, hops), 1)


def _samples(network: Network) -> int:
    """Samples of a sound, in whole steps where others are held against these."""
    unit = number(network.config, "samples_per_token", otherwise=1)
    if "padding_mask_videos" in network.taken:
        unit = _hop(network)
    return -(-SAMPLES_OF_SOUND // unit) * unit


def codes(network: Network) -> int | None:
    """Steps into which a codec puts the sound, if it is known how many samples one is of."""
    return _samples(network) // _hop(network) if _hop(network) > 1 else None


def _sound(network: Network) -> Any:
    config = network.config
    if hasattr(config, "max_length") and hasattr(config, "num_mel_bins") and hasattr(config, "patch_size"):
        return network.floats(config.max_length, config.num_mel_bins)  # the audio spectrogram transformer
    samples = _samples(network)
    if any(hasattr(part, field) for part in parts(config).values() for field in _OF_CODECS):
        return network.floats(number(config, "audio_channels", "channels", otherwise=1), samples)
    return network.floats(samples)


def hidden(network: Network) -> Any:
    """What a half of a codec takes in place of samples."""
    if "Decoder" in network.architecture:
        return network.floats(number(network.config, "hidden_size", otherwise=1), 25)
    return network.floats(number(network.config, "channels", otherwise=1), SAMPLES_OF_SOUND)


def _not_padding(network: Network) -> Any:
    return network.filled(True, _samples(network))


def _latents(network: Network) -> Any:
    """What a codec's decoder begins with: 25 steps."""
    return network.floats(number(network.config, "hidden_size", otherwise=1), 25)


SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    "input_features": _spectrogram,
    "audio_mel": _spectrogram,
    "input_features_mask": _heard,
    "audio_mel_mask": _all_heard,
    "input_values": _sound,
    "padding_mask": _not_padding,
    "latents": _latents,
    "is_longer": _longer,
}
