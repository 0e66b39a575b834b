"""A memory of vectors by class: the newest so many of each, to be sampled evenly over the classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ClassMemory(nn.Module):
    """One ring of `capacity` vectors for each class; all of it is buffers, so a checkpoint keeps it.

    Vectors are kept in half precision (D: of length 1, they lose 0.05 % and take half of the room). It takes
    num_classes * capacity * channels * 2 bytes, in memory and in the checkpoint, whether filled or not. Of
    several processes each has its own, of its own images, and a checkpoint keeps the first one's (D; the authors share
    one): a run of several that goes on is not exact to the bit.
    """

    def __init__(self, num_classes: int, capacity: int, channels: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.vectors_CKD: Tensor
        self.stored_C: Tensor
        self.register_buffer("vectors_CKD", torch.zeros(num_classes, capacity, channels, dtype=torch.float16))
        self.register_buffer("stored_C", torch.zeros(num_classes, dtype=torch.int64))
        self.overwritten: list[tuple[Tensor, Tensor, Tensor]] | None = None
        self.marked_C = self.stored_C.clone()

    @torch.no_grad()
    def store(self, vectors_MD: Tensor, classes_M: Tensor) -> None:
        """Add vectors in their order; a full ring forgets its oldest."""
        rank_M, totals_C = rank_within(classes_M, len(self.stored_C))
        newest_M = rank_M >= totals_C[classes_M] - self.capacity
        slots_M = (self.stored_C[classes_M] + rank_M) % self.capacity
        place = classes_M[newest_M], slots_M[newest_M]
        if self.overwritten is not None:
            self.overwritten.append((*place, self.vectors_CKD[place]))
        self.vectors_CKD[place] = vectors_MD[newest_M].to(self.vectors_CKD.dtype)
        self.stored_C += totals_C

    def sample(self, count: int) -> Tensor:
        """Draw `count` vectors with replacement, as many of each class that has any: (count, D); (0, D) of nothing.

        In single precision at least.
        """
        dtype = torch.promote_types(self.vectors_CKD.dtype, torch.float32)
        filled_C = self.stored_C.clamp(max=self.capacity)
        present = filled_C.nonzero().flatten()
        if len(present) == 0:
            return self.vectors_CKD[0, :0].to(dtype)
        classes_K = present[torch.arange(count, device=present.device) % len(present)]
        chance_K = torch.rand(count, dtype=torch.float64, device=present.device)
        return self.vectors_CKD[classes_K, (chance_K * filled_C[classes_K]).long()].to(dtype)

    def mark(self) -> None:
        """Remember this moment, for a step that may be taken back; from here on what is overwritten is kept."""
        self.overwritten = []
        self.marked_C = self.stored_C.clone()

    @torch.no_grad()
    def rewind(self) -> None:
        """Take back what was stored since the last mark, without the cost of a copy of it all at each step."""
        while self.overwritten:
            classes_M, slots_M, vectors_MD = self.overwritten.pop()
            self.vectors_CKD[classes_M, slots_M] = vectors_MD
        self.stored_C.copy_(self.marked_C)


def rank_within(groups_M: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """For each entry its place among those of its group, from 0, in order; and the size of each group."""
    totals_G = groups_M.bincount(minlength=groups)
    order_M = groups_M.argsort(stable=True)
    starts_G = totals_G.cumsum(0) - totals_G
    ranks_M = torch.empty_like(groups_M)
    ranks_M[order_M] = torch.arange(len(groups_M), device=groups_M.device) - starts_G[groups_M[order_M]]
    return ranks_M, totals_G
