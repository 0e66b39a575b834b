"""How much memory a training holds."""

from __future__ import annotations

import resource

import torch


def peak_bytes() -> int:
    """The most that this process has held so far: of the GPU's memory where it uses one, else of the machine's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
