"""The teacher of a run: tried before an hour is spent on it, then asked in every step."""

from __future__ import annotations

from bpkd_core.bundle import describe
from bpkd_core.data import IGNORE_INDEX
from bpkd_core.events import Event
from bpkd_core.methods import get_method
from bpkd_core.models.base import SegmentationNet
from bpkd_core.recipe.records import Prepared, Probed
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import CheckpointTeacher
from bpkd_core.teachers import Teacher, TorchTeacher
from bpkd_core.train.loop import Distillation
from bpkd_core.train.validation import measure_miou

POOR_TEACHER_MIOU = 0.2


def probe_teacher(shop: Workshop, prepared: Prepared) -> Probed:
    """Try a given teacher on the validation split before an hour is spent on it."""
    assert isinstance(shop.spec.teacher, CheckpointTeacher)
    teacher = shop.served("teacher", prepared).to(shop.device)
    miou = measure_miou(teacher, shop.data("val"), device=shop.device, precision=shop.spec.train.precision)
    shop.emit(Event("log", {"message": f"The teacher scores {miou:.1%} mIoU on the val split."}))
    if miou < POOR_TEACHER_MIOU:
        message = (
            f"The teacher scores {miou:.1%} mIoU on the val split; check its classes, their order and its weights."
        )
        shop.emit(Event("warning", {"code": "poor_teacher", "message": message}))
    return Probed(sha256=describe(shop.spec.teacher.path).sha256, val_miou=miou)


def distillation(shop: Workshop, student: SegmentationNet, prepared: Prepared) -> Distillation:
    """The teacher of this run and the method that compares `student` with it."""
    return distil_from(shop, student, _in_torch(shop, shop.network("teacher", prepared)))


def rehearsal(shop: Workshop, student: SegmentationNet) -> Distillation:
    """The same with a teacher of random weights, for measuring a step before there is a teacher."""
    return distil_from(shop, student, _in_torch(shop, shop.fresh("teacher", student.num_classes)))


def distil_from(shop: Workshop, student: SegmentationNet, teacher: Teacher) -> Distillation:
    """Bind the method of the specification to a pair of networks."""
    method = get_method(
        shop.spec.method.type,
        num_classes=student.num_classes,
        ignore_index=IGNORE_INDEX,
        student_channels=student.feature_channels,
        teacher_channels=teacher.feature_channels,
        **shop.spec.method.model_dump(exclude={"type"}),
    )
    return Distillation(teacher, method)


def _in_torch(shop: Workshop, net: SegmentationNet) -> TorchTeacher:
    return TorchTeacher(net, precision=shop.spec.train.precision, device=shop.device)
