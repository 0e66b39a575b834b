"""Labels that a teacher gives to pixels that nobody has labelled."""

from __future__ import annotations

import torch
from torch import Tensor

from bpkd_core.data import IGNORE_INDEX
from bpkd_core.data.folder import UNLABELLED
from bpkd_core.train.supervision import upsample

MOST_CLASSES = UNLABELLED
"""With more classes, the mark of an unlabelled pixel would be one of their ids."""


@torch.no_grad()
def complete(labels_NHW: Tensor, teacher_NChw: Tensor, confidence: float = 0.0) -> Tensor:
    """The labels with the teacher's answer wherever they are UNLABELLED; void stays void, and so does padding.

    teacher_NChw: its raw scores, of any size; upsampled as the loss does it. confidence: an answer of a lower
    probability is void. Whoever compares edges then compares those of the teacher's prediction (D: a hard label with a
    threshold, as self-training has it; the soft answer is what the method distils anyway).
    """
    scores = upsample(teacher_NChw.float(), labels_NHW.shape[-2:])
    best, winners = scores.max(dim=1)
    said = winners.to(labels_NHW.dtype)
    if confidence > 0:
        probability = (best - scores.logsumexp(dim=1)).exp()
        said = said.masked_fill(probability < confidence, IGNORE_INDEX)
    return torch.where(labels_NHW == UNLABELLED, said, labels_NHW)
