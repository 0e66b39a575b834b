"""A step that is taken back leaves no trace: what forward passes move beside gradients is put back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Rewinds(Protocol):
    """A module that takes back what it has stored itself, because a copy of all of it would cost too much."""

    def mark(self) -> None:
        """Remember this moment, and forget the one before."""
        ...

    def rewind(self) -> None:
        """Go back to the moment of the last mark."""
        ...


class Undo:
    """The buffers of some modules: running statistics of batch norms, a method's memory."""

    def __init__(self, roots: Iterable[nn.Module]) -> None:
        modules = {module: None for root in roots for module in root.modules()}
        self.rewinding = [module for module in modules if isinstance(module, Rewinds)]
        buffers = [b for m in modules if not isinstance(m, Rewinds) for b in m.buffers(recurse=False)]
        self.live = [[b for b in buffers if b.dtype == dtype] for dtype in dict.fromkeys(b.dtype for b in buffers)]
        self.kept: list[Tensor] = []

    @torch.no_grad()
    def mark(self) -> None:
        """Remember this moment, and forget the one before."""
        self.kept = [torch.cat([buffer.flatten() for buffer in live]) for live in self.live]  # a kernel for each type
        for module in self.rewinding:
            module.mark()

    @torch.no_grad()
    def rewind(self) -> None:
        """Go back to the moment of the last mark."""
        for live, kept in zip(self.live, self.kept, strict=True):
            for buffer, piece in zip(live, kept.split([buffer.numel() for buffer in live]), strict=True):
                buffer.copy_(piece.view_as(buffer))
        for module in self.rewinding:
            module.rewind()
