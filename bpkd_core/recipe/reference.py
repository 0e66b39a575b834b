"""What a run measures itself against: the labels of a split or, where nobody has labelled it, its teacher's masks."""

from __future__ import annotations

import torch

from bpkd_core.agreement import Relabelled, blind
from bpkd_core.bundle import describe
from bpkd_core.data import FolderDataset
from bpkd_core.data.base import UInt8Array
from bpkd_core.data.layout import Split
from bpkd_core.data.report import Report
from bpkd_core.errors import InvalidDataset, InvalidSpec
from bpkd_core.evaluation import Predict
from bpkd_core.foreign import ScoreSession
from bpkd_core.foreign.probe import probe_file
from bpkd_core.recipe.records import Prepared, Probed, ProbedFile
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import OnnxTeacher
from bpkd_core.train.labels import MOST_CLASSES
from bpkd_core.train.validation import predict_mask


def require_labels(shop: Workshop, report: Report) -> None:
    """Refuse what cannot be done without labels. Raises InvalidDataset and InvalidSpec."""
    if shop.spec.labels == "dataset":
        return
    if len(report.classes) > MOST_CLASSES:
        raise InvalidDataset(
            f"{len(report.classes)} classes with labels: {shop.spec.labels}; expected at most {MOST_CLASSES}, because "
            "masks mark unlabelled pixels with a value of their own.",
            param="labels",
        )
    if shop.spec.train.class_weights == "balanced" and not report.labelled("train"):
        raise InvalidSpec(
            "class_weights are balanced, and no image of train has labels to count; give numbers, or none.",
            param="train.class_weights",
        )
    for split in ("train", "val") if shop.trains_teacher else ():
        if not report.labelled(split):
            raise InvalidSpec(
                f"No image of {split} is labelled, so no teacher can be trained; give one with weights (teacher.type "
                "checkpoint or onnx), or label some images.",
                param="teacher.type",
            )


def measured_split(report: Report) -> Split:
    """The split that final numbers come from: one with labels, if there is one."""
    split = report.evaluation_split
    return "val" if not report.labelled(split) and report.labelled("val") else split


def validation_data(shop: Workshop, prepared: Prepared) -> FolderDataset | Relabelled:
    """What a training watches itself on."""
    data = shop.data("val")
    return data if data.labelled else Relabelled(data, teacher_masks(shop, prepared))


def teacher_masks(shop: Workshop, prepared: Prepared) -> Predict:
    """The answers of a given teacher, before any file is exported."""
    if isinstance(shop.spec.teacher, OnnxTeacher):
        session = ScoreSession(shop.weights("teacher"), shop.probed().reading)
        return lambda _, image: session.predict(image)
    net = shop.served("teacher", prepared).to(shop.device)

    @torch.inference_mode()
    def predict(_: str, image_HW3: UInt8Array) -> UInt8Array:
        image_13HW = torch.from_numpy(image_HW3).permute(2, 0, 1)[None].to(shop.device)
        return predict_mask(net, image_13HW)[0].to(torch.uint8).cpu().numpy()

    return predict


def probe_blind(shop: Workshop) -> Probed:
    """A given teacher where no label can say whether it is right: only that it runs, and how it is read."""
    given = shop.spec.teacher
    if not isinstance(given, OnnxTeacher):
        return Probed(sha256=describe(shop.weights("teacher")).sha256, val_miou=None, trials=[], findings=[])
    probe = probe_file(given, blind(shop.data("val")), crops=shop.crops, search=False)
    probe.raise_if_bad()
    return ProbedFile(
        sha256=probe.sha256,
        val_miou=None,
        trials=[],
        findings=probe.findings,
        reading=probe.reading,
        parameters=probe.parameters,
    )
