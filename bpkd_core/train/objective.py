"""What a step minimises: cross-entropy of the labels, of the auxiliary heads, and the method's loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from bpkd_core.data.batches import Batch, Outline
from bpkd_core.data.transforms import normalise
from bpkd_core.methods import EdgeMethod, Method, compare_outputs
from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.spec import Train
from bpkd_core.teachers import Teacher
from bpkd_core.train.optim import distillation_weight
from bpkd_core.train.precision import autocast
from bpkd_core.train.supervision import Supervision

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class Distillation:
    """What makes a training a distillation: a frozen teacher and the loss that compares the two.

    label_confidence: where the teacher labels what nobody has, how sure it must be; None where all labels are given.
    """

    teacher: Teacher
    method: Method
    label_confidence: float | None = None


def outline_for(net: SegmentationNet, plan: Train, distillation: Distillation | None) -> Outline | None:
    """What finds the edges of a batch's labels while the batch is made, for a method that compares edges.

    None where there is no such method, and where the labels are not known before the teacher has seen the images.
    """
    method = distillation and distillation.method
    if distillation is None or distillation.label_confidence is not None or not isinstance(method, EdgeMethod):
        return None
    return partial(method.bands, size_hw=net.logits_size(plan.crop))


class Share(NamedTuple):
    """What a part of a batch counts in the whole, each from 0 to 1: of its images, and of its labelled pixels.

    A mean over the whole batch is the sum of the parts' means times these. The cross-entropy is a mean over labelled
    pixels. The method's loss is weighed by images (D): exact for means over images (bpkd, cwd, mgd), and for means over
    labelled pixels where all images have equally many; what compares images of a batch with each other sees its part.
    """

    images: float = 1.0
    pixels: float | Tensor = 1.0


WHOLE = Share()


def losses(
    net: SegmentationNet,
    plan: Train,
    batch: Batch,
    distillation: Distillation | None,
    step: int,
    share: Share = WHOLE,
    taught: Outputs | None = None,
) -> Terms:
    """Every term of one part of a step; `loss` is their weighted sum and the only one that carries gradients.

    `ce`, `ce_aux` (numbered where there are several) and the method's own terms are raw; `weighted_*` is what each
    adds to the loss; `distillation` is the method's weighted total before its warm-up. All are scaled by the part's
    share, so that the terms of all parts add up to those of the batch. taught: what the teacher says, if it was asked.

    L = CE + aux_weight * sum CE_aux + distillation_weight * method (docs/why.md).
    """
    inputs = normalise(batch.images_N3HW).contiguous(memory_format=torch.channels_last)
    with autocast(plan.precision, inputs.device):
        outputs = net(inputs)
    supervision = Supervision.of(plan)
    loss = ce = supervision.loss(outputs.logits, batch.labels_NHW) * share.pixels
    terms = {"ce": ce}
    heads = outputs.aux if plan.aux_weight else ()
    for number, aux in enumerate(heads, 1):
        name = "ce_aux" if len(heads) == 1 else f"ce_aux_{number}"
        terms[name] = supervision.loss(aux, batch.labels_NHW) * share.pixels
        terms[f"weighted_{name}"] = plan.aux_weight * terms[name]
        loss = loss + terms[f"weighted_{name}"]
    if distillation:
        taught = taught or distillation.teacher.look(batch.images_N3HW)
        distilled = compare_outputs(distillation.method, outputs, taught, batch.labels_NHW, batch.bands)
        weight, total = distillation_weight(plan, step), distilled.total * share.images
        loss = loss + weight * total
        said = {**distilled.terms, **distilled.diagnostics}
        terms |= {name: value * share.images for name, value in said.items()}
        terms |= {f"weighted_{name}": weight * share.images * value for name, value in distilled.weighted.items()}
        terms["distillation"] = total
    return {"loss": loss, **{name: value.detach() for name, value in terms.items()}}
