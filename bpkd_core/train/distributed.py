"""Several processes that train one network: started by `torchrun`, each with its share of every batch.

`torchrun --nproc-per-node 4 -m bpkd_core distill ...` starts four. Process 0 is the run: it alone prepares, judges,
writes files and speaks; the others join its trainings. Gradients are added up as one tensor. Each process weighs its
loss by its share of the whole batch (:mod:`bpkd_core.train.objective`), so the sum is what one process would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import get_node_local_rank

PATIENCE = timedelta(days=7)  # process 0 may prepare or judge for long; torchrun ends the others when it dies


@dataclass(frozen=True)
class Group:
    """The processes of one run, as one of them sees them: this is number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients over all processes, as one tensor for each type."""
        if self.size == 1:
            return
        by_type: dict[torch.dtype, list[Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is not None:
                by_type.setdefault(parameter.grad.dtype, []).append(parameter.grad)
        for gradients in by_type.values():
            flat = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
            pieces = flat.split([gradient.numel() for gradient in gradients])
            for gradient, piece in zip(gradients, pieces, strict=True):
                gradient.copy_(piece.view_as(gradient))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process: the same answer in all of them."""
        return bool(self.sum(torch.tensor(int(flag))))

    def wait(self) -> None:
        """Until every process is here."""
        self.any(False)

    def tell(self, message: str | None) -> None:
        """Hand a message to the other processes, which wait in :meth:`hear`."""
        self._broadcast(message)

    def hear(self) -> str | None:
        """Wait for what process 0 tells."""
        return self._broadcast(None)

    def _broadcast(self, message: str | None) -> str | None:
        held: list[Any] = [message]
        if self.size > 1:
            dist.broadcast_object_list(held, device=torch.device("cpu"))
        return held[0]


ALONE = Group()


@contextmanager
def join() -> Iterator[Group]:
    """The group that torchrun made; a group of one without it. With GPUs, each process takes the one of its number."""
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(get_node_local_rank())
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Group(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def synchronised(net: nn.Module, group: Group, device: torch.device) -> None:
    """Let batch norms take their statistics over all processes, which torch can do on GPUs; in place, names are kept.

    On a CPU each process takes those of its own images.
    """
    if group.size > 1 and device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(net)
