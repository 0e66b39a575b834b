"""Checkpoints that survive a kill at any moment: whole, hashed, the newest two.

A checkpoint file is written under a temporary name, synced, renamed, and only then named in `index.json` with its step,
sha256 and size. Reading takes the newest entry whose file still has its hash, else the one before. Beside them lie the
weights that validated best, as `best.safetensors`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor

from bpkd_core.bundle import describe, write_atomically

KEPT = 2
BEST = "best.safetensors"


@dataclass(frozen=True)
class CheckpointEntry:
    """One row of the index."""

    step: int
    file: str
    sha256: str
    size: int


class Checkpoints:
    """The checkpoints of one training in one folder. State is whatever `torch.load(weights_only=True)` can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, state: dict[str, Any]) -> CheckpointEntry:
        """Write the state of `step` finished optimizer steps and forget all but the newest two."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        path = self.folder / f"step-{step:08d}.pt"
        write_atomically(path, buffer.getvalue())
        info = describe(path)
        entry = CheckpointEntry(step, path.name, info.sha256, info.size)
        kept = [*(old for old in self.entries() if old.step < step), entry][-KEPT:]
        write_atomically(self.folder / "index.json", json.dumps([asdict(row) for row in kept]).encode())
        debris = self.folder.glob(".*.tmp")  # of a process that was killed while it wrote
        for stale in {*self.folder.glob("step-*.pt"), *debris} - {self.folder / row.file for row in kept}:
            stale.unlink()
        return entry

    def load(self, wanted: Callable[[dict[str, Any]], bool] = lambda _: True) -> tuple[int, dict[str, Any]] | None:
        """The newest state that is whole, and `wanted`, with its step; None if there is none."""
        for entry in reversed(self.entries()):
            path = self.folder / entry.file
            if path.is_file() and describe(path).sha256 == entry.sha256:
                state = torch.load(path, map_location="cpu", weights_only=True)
                if wanted(state):
                    return entry.step, state
        return None

    def save_best(self, weights: Mapping[str, Tensor]) -> None:
        """Keep the weights that validate best so far, whatever becomes of the training."""
        write_atomically(self.folder / BEST, to_safetensors(contiguous(weights)))

    def best(self) -> dict[str, Tensor]:
        """What :meth:`save_best` kept last."""
        return load_file(self.folder / BEST)

    def entries(self) -> list[CheckpointEntry]:
        """The index, oldest first; a damaged index counts as empty."""
        try:
            return [CheckpointEntry(**row) for row in json.loads((self.folder / "index.json").read_bytes())]
        except (OSError, ValueError, TypeError):
            return []


def contiguous(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as a file holds them: in the host's memory, in the order of their dimensions."""
    return {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
