"""A method confined to the classes that a teacher knows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bpkd_core.methods.base import Losses, Method


class KnownClasses(nn.Module):
    """Compare two networks on some of the classes only (D).

    A teacher that does not know a class says nothing about it. Both networks' scores of that class are left out, so
    that softmaxes share their mass among the classes that both know, and its pixels are void to the method: there the
    teacher can only be wrong. The student learns the class from the labels.

    method: built for `len(known)` classes; one that learns or remembers goes into the checkpoint through this module.
    known: class ids, rising.
    """

    table: Tensor

    def __init__(self, method: Method, known: Sequence[int]) -> None:
        super().__init__()
        self.method = method
        self.known = list(known)
        self.num_classes = method.num_classes
        self.ignore_index = method.ignore_index
        table = torch.full((1 + max(255, self.ignore_index),), self.ignore_index)
        table[self.known] = torch.arange(len(self.known))
        self.register_buffer("table", table, persistent=False)

    def forward(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The method's losses on the shared classes; all other labels are void."""
        labels = self.table.to(labels_NHW.device)[labels_NHW.long()].to(labels_NHW.dtype)
        return self.method(student_NChw[:, self.known], teacher_NChw[:, self.known], labels)
