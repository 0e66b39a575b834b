"""The child's side: a stranger's torch file to safetensors, by `weights_only=True` and in no other way.

Runs in :mod:`bpkd_core.sandbox`, whose limits stand behind every check here.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models.checkpoints.unwrapping import open_envelopes

ALLOWED = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    "builtins.getattr",  # how a HistoryBuffer names its own methods
    "numpy.ndarray",
    "numpy.dtype",
    "numpy.core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
)
"""What OpenMMLab's training logs are made of. None of it is built: :class:`Inert` takes its place."""


class Inert:
    """Stands for an object that we have no use for: it takes any arguments and any state and does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def extract(source: str, target: str) -> dict[str, str]:
    """Write the tensors of a torch file as safetensors; return the type of everything beside them, by name.

    Raises InvalidCheckpoint for a program, for anything but tensors in plain containers, for a damaged file, and for
    tensors that are more than the bytes that they were saved as.
    """
    path = Path(source)
    found = _load(path)
    if not isinstance(found, Mapping):
        raise InvalidCheckpoint(
            f'"{path.name}" holds a {type(found).__name__}; expected a dictionary of tensors by key (a state_dict).'
        )
    inner = open_envelopes(found)
    tensors = {str(key): value for key, value in inner.items() if isinstance(value, Tensor)}
    for key, tensor in tensors.items():
        _require_plain(path, key, tensor)
    save_file(
        {key: tensor.detach().clone(memory_format=torch.contiguous_format) for key, tensor in tensors.items()}, target
    )
    return {str(key): type(value).__name__ for key, value in inner.items() if not isinstance(value, Tensor)}


def _load(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        _require_weights(path)
    try:
        with torch.serialization.safe_globals([(Inert, name) for name in ALLOWED]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if unsafe := re.search(r"GLOBAL (\S+)", str(error)):
            raise InvalidCheckpoint(
                f'"{path.name}" pickles {unsafe[1]}, and unpickling anything but plain tensors can run code; '
                "save its state_dict alone, or as .safetensors."
            ) from error
        raise damaged(path) from error
    except Exception as error:  # a cut or foreign file fails wherever the parser happens to be: KeyError, EOFError, ...
        if isinstance(error, MemoryError) or "alloc" in str(error):
            raise  # the limit, which the sandbox has a sentence for
        raise damaged(path) from error


def _require_weights(path: Path) -> None:
    """Refuse the zip archives that are not from torch.save."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if any(
        name.endswith(("/constants.pkl", "/archive_format", "/version_model")) or "/code/" in name for name in names
    ):
        raise InvalidCheckpoint(
            f'"{path.name}" is a program (TorchScript or torch.export), not weights; save the state_dict alone.'
        )
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        size = sum(entry.file_size for entry in entries)
        raise InvalidCheckpoint(
            f'"{path.name}" ({path.stat().st_size} bytes) is compressed and would unpack to {size} bytes; expected a '
            "file as torch.save writes it, which compresses nothing."
        )


def damaged(path: Path) -> InvalidCheckpoint:
    """A file that nothing can be read from."""
    return InvalidCheckpoint(
        f'"{path.name}" ({path.stat().st_size} bytes) is damaged or holds no weights; expected .safetensors or a file '
        "from torch.save: copy or download it again."
    )


def _require_plain(path: Path, key: str, tensor: Tensor) -> None:
    """Refuse what would grow when it is copied, and what no network's weight is."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
        kind = f"{str(tensor.layout).removeprefix('torch.')} {tensor.dtype} tensor on {tensor.device}"
        raise InvalidCheckpoint(
            f'"{path.name}" holds {key} as a {kind}; expected plain numbers, every one of them in the file.'
        )
    stored, size = tensor.untyped_storage().nbytes(), tensor.numel() * tensor.element_size()
    if size > stored:
        raise InvalidCheckpoint(
            f'"{path.name}" stores {stored} bytes for {key}, which says that it has {size}; expected a tensor whose '
            "every value is in the file."
        )
