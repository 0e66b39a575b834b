"""Whether weights are those of a network, and of which other network they are where they are not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from bpkd_core import catalog
from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models.checkpoints.unwrapping import Weights, unwrap

SHOWN = 3
PROBE_CLASSES = 7919  # a prime that is no network's width: whatever has this many channels counts classes
NEAR = 1.5  # a network of more or fewer parameters by this factor is not worth building for a hint


def require_fit(
    complaint: str,
    expected: Weights,
    weights: Weights,
    unknown: Mapping[str, str | None] | None = None,
    hint: Callable[[], str] = lambda: "",
) -> None:
    """Raise InvalidCheckpoint, beginning with `complaint`, unless `weights` has every key of `expected` in its shape.

    unknown: keys that nothing expects, with the type of what is no tensor there.
    """
    unknown = unknown or {}
    faults = {
        "missing": _absent(expected, weights, unknown),
        "unknown": sorted(key for key in unknown if key not in expected),
        "of another shape": [
            f"{key} is {_shape(weights[key])} and should be {_shape(value)}"
            for key, value in expected.items()
            if key in weights and weights[key].shape != value.shape
        ],
        "no tensor": [f"{key} is {unknown[key]}" for key in unknown if key in expected],
        "of whole numbers": [key for key in expected if key in weights and _is_rounded(weights[key], expected[key])],
        "not finite": [key for key in expected if key in weights and not _is_finite(weights[key])],
    }
    found = "; ".join(f"{len(keys)} {fault} ({_first(keys)})" for fault, keys in faults.items() if keys)
    if found:
        general = "Name the architecture and the number of classes that the checkpoint was trained with."
        if not any(keys for fault, keys in faults.items() if fault != "not finite"):
            raise InvalidCheckpoint(f"{complaint}: keys {found}.", hint="Take an earlier one: this training diverged.")
        raise InvalidCheckpoint(f"{complaint}: keys {found}.", hint=hint() or general)


def suggest(weights: Weights) -> str:
    """The network of the catalog that the weights fit, as a sentence; nothing where none does."""
    count = sum(value.numel() for value in weights.values())
    sizes = {name: (row.params_m or 0) * 1e6 for name, row in catalog.MODELS.items()}
    near = [name for name, size in sizes.items() if count / NEAR < size < count * NEAR]
    for name in sorted(near, key=lambda name: abs(sizes[name] - count)):
        if classes := _classes(name, weights):
            return f'The file fits the network "{name}" with {classes} classes.'
    return ""


def _classes(name: str, weights: Weights) -> int | None:
    """How many classes the network `name` would have with these weights; None where they are not its."""
    with torch.device("meta"):
        net = catalog.load("models", name)(PROBE_CLASSES)
        found = unwrap(weights, net.state_dict().keys(), net.translate_keys)
        net.conform(found)
    expected = net.state_dict()
    missing = [key for key in _absent(expected, found) if not key.startswith(net.auxiliary)]
    if missing or any(key not in expected for key in found):
        return None
    shapes = {(tuple(found[key].shape), tuple(expected[key].shape)) for key in found}
    counted = {has[0] for has, should in shapes if should[:1] == (PROBE_CLASSES,) and has[1:] == should[1:]}
    others = {has == should for has, should in shapes if should[:1] != (PROBE_CLASSES,)}
    return counted.pop() if len(counted) == 1 and others == {True} else None


def _absent(expected: Weights, weights: Weights, besides: Collection[str] = ()) -> list[str]:
    """What is missing. Integers are counters and tables of positions: nothing is learnt into them."""
    return [key for key in expected if not (key in weights or key in besides) and expected[key].is_floating_point()]


def _is_rounded(value: Tensor, like: Tensor) -> bool:
    """Whether a weight is stored in integers, as quantised ones are: without their scales they are other weights."""
    return like.is_floating_point() and not value.is_floating_point()


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(value.isfinite().all())


def _shape(value: Tensor) -> str:
    return "x".join(map(str, value.shape)) or "scalar"


def _first(keys: Collection[str]) -> str:
    shown = ", ".join(list(keys)[:SHOWN])
    return f"{shown}, ..." if len(keys) > SHOWN else shown
