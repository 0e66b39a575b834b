"""What frameworks wrap around a network's weights, and how it comes off."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from torch import Tensor

Weights = Mapping[str, Tensor]

ENVELOPES = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net",
    "network",
    "weights",
    "student",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema",
)
"""Entries of a training checkpoint that hold the weights, the first one found first. Averaged weights come last (D):
OpenMMLab, which has both, writes the averages into `state_dict`."""

PREFIXES = (
    "module.",
    "_orig_mod.",
    "architecture.model.",
    "architecture.",
    "student.",
    "model.",
    "net.",
    "network.",
    "segmentor.",
    "ema_model.",
    "model_ema.",
    "ema.",
    "backbone.",
)
"""What wrappers put before a network's keys, in any order and number. Where others lie beside them (`teacher.`, the
counter of an average), they are not ours."""

MAX_LAYERS = 8


def open_envelopes(found: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The innermost dictionary of the weights. A pickle can hold itself, so this ends after a few layers."""
    for _ in range(MAX_LAYERS):
        inner = next((found[name] for name in ENVELOPES if isinstance(found.get(name), Mapping)), None)
        if inner is None:
            break
        found = inner
    return found


def unwrap(found: Weights, own: Collection[str], translate: Callable[[Weights], Weights]) -> Weights:
    """Peel prefixes off and translate, until as many keys as possible are the network's `own`.

    The copies that OpenMMLab's older averaging keeps beside the weights (`ema_backbone_conv1_weight`) are left out.
    """
    layers = [translate(layer) for layer in _peel(found)]
    best = max(layers, key=lambda layer: sum(key in own for key in layer))
    copies = {"ema_" + key.replace(".", "_") for key in best}
    return {key: value for key, value in best.items() if key not in copies}


def _peel(found: Weights) -> Iterator[Weights]:
    for _ in range(MAX_LAYERS):
        yield found
        prefix = next((prefix for prefix in PREFIXES if any(key.startswith(prefix) for key in found)), None)
        if prefix is None:
            break
        found = {key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)}
