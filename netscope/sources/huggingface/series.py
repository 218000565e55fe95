"""Example inputs of time series, and of agents in an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from netscope.sources.huggingface.network import Network, number

# Steps that an agent has seen.
STEPS: Final = 20
# Steps of a series for networks that take any number.
HISTORY: Final = 128
# Most steps of it, however far back a network can look.
LONGEST: Final = 512


def _channels(network: Network) -> tuple[int, ...]:
    """The values of a step; one that has no axis of its own for several has ()."""
    config = network.config
    if hasattr(config, "num_input_channels"):
        return (int(config.num_input_channels),)
    size = number(config, "input_size", otherwise=1)
    return (size,) if size > 1 else ()


def _past_steps(network: Network) -> int:
    """Steps of the past, those to which the lags reach back included."""
    config = network.config
    lags = getattr(config, "lags_sequence", None)
    context = number(config, "context_length", "prediction_length", otherwise=HISTORY)
    return min(context, LONGEST) + (max(lags) if lags else 0)


def _past(network: Network) -> Any:
    return network.floats(_past_steps(network), *_channels(network))


def _observed(network: Network) -> Any:
    return network.filled(True, _past_steps(network), *_channels(network))


def _padding(network: Network) -> Any:
    return network.floats(_past_steps(network))


def _past_times(network: Network) -> Any:
    return network.floats(_past_steps(network), _time_features(network))


def _future(network: Network) -> Any:
    return network.floats(number(network.config, "prediction_length", otherwise=1), *_channels(network))


def _future_times(network: Network) -> Any:
    return network.floats(number(network.config, "prediction_length", otherwise=1), _time_features(network))


def _time_features(network: Network) -> int:
    """Features of a step's time, its age included."""
    return number(network.config, "num_time_features", otherwise=0)


def _frequency(network: Network) -> Any:
    return network.filled(0, 1)


def _states(network: Network) -> Any:
    return network.floats(STEPS, number(network.config, "state_dim", otherwise=1))


def _actions(network: Network) -> Any:
    if not hasattr(network.config, "act_dim"):
        return None
    return network.floats(STEPS, number(network.config, "act_dim", otherwise=1))


def _reward(network: Network) -> Any:
    return network.floats(STEPS, 1)


def _times(network: Network) -> Any:
    return network.filled(0, STEPS)


def _state(network: Network) -> Any:
    return network.floats(number(network.config, "max_state_dim", otherwise=1))


def _time(network: Network) -> Any:
    """How far noise has become an action."""
    return network.floats()


SAMPLES: Final[dict[str, Callable[[Network], Any]]] = {
    "past_values": _past,
    "past_time_features": _past_times,
    "past_observed_mask": _observed,
    "past_values_padding": _padding,
    "future_values": _future,
    "future_time_features": _future_times,
    "freq": _frequency,
    "states": _states,
    "actions": _actions,
    "rewards": _reward,
    "returns_to_go": _reward,
    "timesteps": _times,
    "state": _state,
    "timestep": _time,
}
