"""What the measurements of a run amount to: one network described, three compared, one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.bundle import Interval, Latency, NetworkResult, ParityResult, Reference, Result, Role
from bpkd_core.metrics import Quality, difference, gap_closed, interval


def describe_network(
    quality: Quality,
    *,
    arch: str,
    parameters: int,
    gflops: float | None,
    onnx_bytes: int,
    latency: Latency,
    parity: ParityResult | None,
    steps: int | None,
    train_seconds: float | None,
) -> NetworkResult:
    """All that is reported of one network; the quality is that of its exported file."""
    return NetworkResult(
        arch=arch,
        miou=quality.miou,
        miou_interval=interval(quality),
        per_class_iou=dict(zip(quality.class_names, map(float, quality.per_class_iou), strict=True)),
        mean_accuracy=quality.mean_accuracy,
        pixel_accuracy=quality.pixel_accuracy,
        boundary_iou=quality.boundary_iou,
        edge_miou=quality.edge_miou,
        body_miou=quality.body_miou,
        trimap_miou={str(width): value for width, value in quality.trimap_miou.items()},
        parameters=parameters,
        gflops=gflops,
        onnx_bytes=onnx_bytes,
        latency=latency,
        parity=parity,
        steps=steps,
        train_seconds=train_seconds,
    )


def compare(
    networks: Mapping[Role, NetworkResult],
    qualities: Mapping[Role, Quality],
    *,
    split: str,
    method: str,
    reference: Reference = "labels",
) -> Result:
    """Put teacher, control and student side by side, with paired intervals over images."""
    student, control, teacher = qualities["student"], qualities.get("control"), qualities["teacher"]
    no_control = Interval(reason="No control was trained.")
    gap = miou_gain = boundary_gain = no_control
    if control and (reason := unequal_steps(networks["control"], networks["student"])):
        gap = miou_gain = boundary_gain = Interval(reason=reason)
    elif control:
        gap = gap_closed(teacher, control, student)
        miou_gain = difference(student, control, "miou")
        boundary_gain = difference(student, control, "boundary_iou")
    return Result(
        split=split,
        images=student.images,
        reference=reference,
        method=method,
        teacher=networks["teacher"],
        control=networks.get("control"),
        student=networks["student"],
        gap_closed=gap,
        miou_gain=miou_gain,
        boundary_iou_gain=boundary_gain,
        verdict=judge(method, miou_gain, boundary_gain, reference),
    )


def unequal_steps(control: NetworkResult, student: NetworkResult) -> str | None:
    """Why a short control cannot be compared, and whether it raises the alarm that it was trained for."""
    if control.steps is None or student.steps is None or control.steps >= student.steps:
        return None
    said = f"The control was trained for {control.steps} steps, the student for {student.steps}: they do not compare."
    if control.miou is not None and student.miou is not None and control.miou >= student.miou:
        said += " Even so the control has the higher mIoU: the distillation does harm."
    return said


def judge(method: str, miou_gain: Interval, boundary_gain: Interval, reference: Reference = "labels") -> str:
    """One honest sentence on whether distillation helped; agreement with a teacher is called that."""
    unknown = miou_gain.reason or boundary_gain.reason
    if unknown:
        return f"{unknown} Whether distillation helped is not known."
    mean, edge = _say(miou_gain, "mIoU"), _say(boundary_gain, "boundary IoU")
    told = "" if reference == "labels" else ", in agreement with the teacher, which is not accuracy"
    return f"Against the same student trained without {method}{told}: {mean}; {edge}."


def _say(gain: Interval, measure: str) -> str:
    value, low, high = gain.value or 0.0, gain.low or 0.0, gain.high or 0.0
    word = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
    return f"{100 * value:+.1f} points of {measure} (95 % interval {100 * low:+.1f} to {100 * high:+.1f}: {word})"
