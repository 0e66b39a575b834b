"""Weights from files: safetensors, or torch files read with `weights_only=True` and in no other way.

Loading is strict. A teacher whose weights silently stayed random is the commonest failure that users of such tools
report, so a key too few, too many or of another shape is an error. Two things are understood: the layers that
frameworks wrap around a network's own keys are peeled off, and the auxiliary head may be absent as a whole, because
files saved for inference go without it and only training would miss it.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors.torch import load_file
from torch import Tensor

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models.base import SegmentationNet

ENVELOPES = ("state_dict", "net", "model")
"""Entries of a training checkpoint that hold the weights."""

PREFIXES = ("module.", "architecture.model.", "student.", "model.")
"""What wrappers put before a network's keys. Where others lie beside them (`teacher.`), they are not ours."""

MAX_LAYERS = 8
SHOWN = 3


def load_checkpoint(net: SegmentationNet, path: Path) -> None:
    """Copy every weight of `net` from a file. Raises InvalidCheckpoint, and then `net` is as it was."""
    expected = net.state_dict()
    weights = _unwrap(_read(path), expected.keys(), PREFIXES)
    if not any(str(key).startswith(net.auxiliary) for key in weights):
        expected = {key: value for key, value in expected.items() if not key.startswith(net.auxiliary)}
    extra = [str(key) for key in weights if key not in expected]
    _require_fit(f'"{path.name}" does not fit this {_describe(net)}', expected, weights, extra)
    net.load_state_dict(weights, strict=False)


def load_backbone(net: SegmentationNet, path: Path) -> None:
    """Copy every weight of the backbone from a file and leave the heads as they are.

    The file may be an ImageNet classifier with bare backbone keys or a segmentation network with any classes; its
    heads are not read. Raises InvalidCheckpoint, and then `net` is as it was.
    """
    own = net.state_dict().items()
    expected = {key.removeprefix(net.backbone_prefix): value for key, value in own if key.startswith(net.backbone_prefix)}
    weights = _unwrap(_read(path), expected.keys(), (*PREFIXES, net.backbone_prefix))
    _require_fit(f'"{path.name}" does not fit the backbone of this {_describe(net)}', expected, weights)
    net.load_state_dict({net.backbone_prefix + key: weights[key] for key in expected}, strict=False)


def _read(path: Path) -> Mapping[Any, Any]:
    if not path.is_file():
        raise InvalidCheckpoint(f'There is no file "{path}"; expected weights as .safetensors or from torch.save.')
    try:
        found = _parse(path)
    except pickle.UnpicklingError as error:
        if unsafe := re.search(r"GLOBAL (\S+)", str(error)):
            raise InvalidCheckpoint(
                f'"{path.name}" pickles {unsafe[1]}, and unpickling anything but plain tensors can run code; '
                "save its state_dict alone, or as .safetensors."
            ) from error
        _refuse_damaged(path, error)
    except Exception as error:  # a cut or foreign file fails wherever the parser happens to be: KeyError, EOFError, ...
        _refuse_damaged(path, error)
    if not isinstance(found, Mapping):
        raise InvalidCheckpoint(
            f'"{path.name}" holds a {type(found).__name__}; expected a dictionary of tensors by key (a state_dict).'
        )
    return found


def _parse(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _refuse_damaged(path: Path, error: Exception) -> NoReturn:
    raise InvalidCheckpoint(
        f'"{path.name}" ({path.stat().st_size} bytes) is damaged or holds no weights; expected .safetensors or a file '
        "from torch.save: copy or download it again."
    ) from error


def _unwrap(found: Mapping[Any, Any], own: Collection[str], prefixes: tuple[str, ...]) -> Mapping[Any, Any]:
    """Peel envelopes and prefixes off until keys of the network appear, or nothing is left to peel."""
    for _ in range(MAX_LAYERS):
        if any(key in own for key in found):
            break
        found = _peel(found, prefixes)
    return found


def _peel(found: Mapping[Any, Any], prefixes: tuple[str, ...]) -> Mapping[Any, Any]:
    for name in ENVELOPES:
        if isinstance(inner := found.get(name), Mapping):
            return inner
    for prefix in prefixes:
        if inner := {key[len(prefix) :]: value for key, value in found.items() if str(key).startswith(prefix)}:
            return inner
    return found


def _require_fit(
    complaint: str, expected: Mapping[str, Tensor], weights: Mapping[Any, Any], extra: Collection[str] = ()
) -> None:
    missing = [key for key in expected if key not in weights]
    misshapen = [
        f"{key} is {_shape(weights[key])} and should be {_shape(value)}"
        for key, value in expected.items()
        if key in weights and _shape(weights[key]) != _shape(value)
    ]
    faults = {"missing": missing, "unknown": extra, "of another shape": misshapen}
    found = "; ".join(f"{len(keys)} {fault} ({_first(keys)})" for fault, keys in faults.items() if keys)
    if found:
        raise InvalidCheckpoint(
            f"{complaint}: keys {found}.",
            hint="Name the architecture and the number of classes that the checkpoint was trained with.",
        )


def _describe(net: SegmentationNet) -> str:
    return f"{type(net).__name__} with {net.num_classes} classes"


def _shape(value: object) -> str:
    return "x".join(map(str, value.shape)) or "scalar" if isinstance(value, Tensor) else type(value).__name__


def _first(keys: Collection[str]) -> str:
    shown = ", ".join(list(keys)[:SHOWN])
    return f"{shown}, ..." if len(keys) > SHOWN else shown
