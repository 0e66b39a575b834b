"""Tensors by name from a file. Safetensors are read here; everything else is opened in a limited child process.

The child (:mod:`.opening`) unpickles plain tensors and nothing else, and writes them down as safetensors. A file that
makes it allocate, loop or crash costs that child only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import load_file
from torch import Tensor

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models.checkpoints.opening import damaged, extract
from bpkd_core.sandbox import MIB, ChildFailed, run_limited

MEMORY_PER_BYTE, MEMORY_BYTES = 4, 512 * MIB
"""What opening a file may take: its tensors, a contiguous copy, the file that is written, and room for the rest."""

SECONDS_PER_BYTE, SECONDS = 1 / (10 * MIB), 60.0


@dataclass(frozen=True)
class Found:
    """What a file holds: tensors by name, and the type of everything else by name."""

    tensors: Mapping[str, Tensor]
    others: Mapping[str, str] = field(default_factory=dict[str, str])


def read(path: Path) -> Found:
    """Raises InvalidCheckpoint for a file that is not there, unsafe, damaged or without tensors."""
    if not path.is_file():
        raise InvalidCheckpoint(f'There is no file "{path}"; expected weights as .safetensors or from torch.save.')
    if path.suffix == ".safetensors" or _is_safetensors(path):
        try:
            return Found(load_file(path))
        except Exception as error:  # the library has no error of its own for every kind of damage
            raise damaged(path) from error
    return _read_confined(path)


def _is_safetensors(path: Path) -> bool:
    """Eight bytes of length, then JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _read_confined(path: Path) -> Found:
    size = path.stat().st_size
    with TemporaryDirectory(prefix="bpkd-") as folder:
        clean = Path(folder, "clean.safetensors")
        try:
            others = run_limited(
                extract,
                str(path.absolute()),
                str(clean),
                memory_bytes=MEMORY_PER_BYTE * size + MEMORY_BYTES,
                timeout_s=SECONDS_PER_BYTE * size + SECONDS,
            )
        except ChildFailed as error:
            raise InvalidCheckpoint(
                f'"{path.name}" ({size} bytes) cannot be opened safely: {error.reason}; expected .safetensors or a '
                "plain state_dict from torch.save."
            ) from error
        return Found(load_file(clean), others)
