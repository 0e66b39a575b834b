"""The teacher of a run: tried before an hour is spent on it, then asked in every step."""

from __future__ import annotations

from safetensors.torch import save as to_safetensors

from bpkd_core import teachers
from bpkd_core.agreement import blind
from bpkd_core.bundle import Role, write_atomically
from bpkd_core.data import IGNORE_INDEX
from bpkd_core.events import Event
from bpkd_core.foreign.probe import probe_file
from bpkd_core.foreign.reading import Reading
from bpkd_core.methods import get_method
from bpkd_core.models.base import SegmentationNet
from bpkd_core.recipe.probing import probe_network
from bpkd_core.recipe.records import Prepared, Probed, ProbedFile
from bpkd_core.recipe.reference import probe_blind
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import CheckpointTeacher, NoDistillation, OnnxTeacher
from bpkd_core.teachers import KnownClasses, Teacher, TorchTeacher
from bpkd_core.train.checkpoint import contiguous
from bpkd_core.train.loop import Distillation


def probe_teacher(shop: Workshop, prepared: Prepared) -> Probed:
    """Try a given teacher on the validation split, and say what was found, before an hour is spent on it.

    Raises InvalidModel for an ONNX file, and InvalidCheckpoint for a checkpoint, that is no teacher.
    """
    given = shop.spec.teacher
    if isinstance(given, CheckpointTeacher):
        weights = shop.network("teacher", prepared).state_dict()
        write_atomically(shop.folder / "networks" / "teacher.safetensors", to_safetensors(contiguous(weights)))
    if not shop.data("val").labelled:
        probed = probe_blind(shop)
        message = "No image of val is labelled, so whether the teacher is fed and read rightly cannot be tried."
    else:
        probed = probe_onnx(shop, given) if isinstance(given, OnnxTeacher) else probe_network(shop, prepared)
        message = f"The teacher scores {probed.val_miou:.1%} mIoU on the val split."
    shop.emit(Event("log", {"message": message}))
    for finding in probed.findings:
        if finding.severity == "warning":
            shop.emit(Event("warning", {"code": finding.code, "message": finding.message}))
        else:
            shop.emit(Event("log", {"message": finding.message}))
    return probed


def probe_onnx(shop: Workshop, given: OnnxTeacher) -> ProbedFile:
    """A file is read in every usual way, in a limited child process."""
    probe = probe_file(given, shop.data("val"), crops=shop.crops)
    probe.raise_if_bad()
    return ProbedFile(
        sha256=probe.sha256,
        val_miou=probe.miou,
        trials=probe.trials,
        findings=probe.findings,
        reading=probe.reading,
        parameters=probe.parameters,
    )


def distillation(shop: Workshop, role: Role, student: SegmentationNet, prepared: Prepared) -> Distillation:
    """The teacher of this run and the method that compares `student` with it."""
    given = shop.spec.teacher
    if isinstance(given, OnnxTeacher):
        return distil_from(shop, role, student, run_onnx(shop, given, shop.probed().reading))
    return distil_from(shop, role, student, run_torch(shop, shop.network("teacher", prepared)))


def rehearsal(shop: Workshop, role: Role, student: SegmentationNet) -> Distillation:
    """The same before there is a teacher, for measuring a step: random weights, or a file read in the likeliest way."""
    given = shop.spec.teacher
    if isinstance(given, OnnxTeacher):
        quick = probe_file(given, blind(shop.data("val")), crops=shop.crops, search=False)
        return distil_from(shop, role, student, run_onnx(shop, given, quick.reading))
    return distil_from(shop, role, student, run_torch(shop, shop.fresh("teacher", student.num_classes)))


def distil_from(shop: Workshop, role: Role, student: SegmentationNet, teacher: Teacher) -> Distillation:
    """Bind the method of the specification to a pair of networks, on the classes that both know.

    A control that learns the teacher's labels has none: the labels are all that it takes from the teacher.
    """
    chosen = shop.spec.method if role == "student" else NoDistillation()
    known = teacher.reading.known if isinstance(teacher, teachers.OnnxTeacher) else tuple(range(student.num_classes))
    options = chosen.model_dump(exclude={"type"})
    method = get_method(
        chosen.type,
        num_classes=len(known),
        ignore_index=IGNORE_INDEX,
        student_channels=student.feature_channels,
        teacher_channels=teacher.feature_channels,
        **options,
    )
    method = method if len(known) == student.num_classes else KnownClasses(method, known)
    return Distillation(teacher, method, None if shop.spec.labels == "dataset" else shop.spec.label_confidence)


def run_torch(shop: Workshop, net: SegmentationNet) -> TorchTeacher:
    """A network of the catalog."""
    return TorchTeacher(net, precision=shop.spec.train.precision, device=shop.device)


def run_onnx(shop: Workshop, given: OnnxTeacher, reading: Reading) -> teachers.OnnxTeacher:
    """Somebody's file, as its probe has read it."""
    enlarge = shop.spec.train.input_downscale
    return teachers.OnnxTeacher(given.path, reading, device=shop.device, enlarge=enlarge)
