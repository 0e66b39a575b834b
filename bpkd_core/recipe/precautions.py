"""What a schedule asks for that the data, the networks or the machine cannot give: said before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from bpkd_core.bundle import Role
from bpkd_core.data.report import Report
from bpkd_core.data.transforms import fitting_scale
from bpkd_core.errors import InvalidSpec
from bpkd_core.events import Event
from bpkd_core.models.base import SegmentationNet
from bpkd_core.models.cost import count_parameters
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import OnnxTeacher, Train
from bpkd_core.train.compiling import require_compiler

LEAST_FILLED = 0.5


def judge_crop(plan: Train, sizes: Iterable[str]) -> str | None:
    """A warning where no image fills a crop; InvalidSpec where more than half of every crop would be padding.

    sizes: as in a report, "WIDTHxHEIGHT". Images count as large as the schedule ever makes them.
    """
    largest = plan.scale[1] / plan.input_downscale
    filled, size = max((_filled(plan, size, largest), size) for size in sizes)
    crop = f"crops of {plan.crop[0]}x{plan.crop[1]} (height x width)"
    found = (
        f"The image that fills {crop} best is {size} (width x height), at most {largest:g} times as large in training"
    )
    if filled < LEAST_FILLED:
        raise InvalidSpec(
            f"{found}: {1 - filled:.0%} of every crop would be padding; expected a smaller crop or a larger scale.",
            param="train.crop",
        )
    return f"{found}: the rest of every crop is padding." if filled < 1 else None


def judge_batch(plan: Train, net: SegmentationNet, processes: int) -> str | None:
    """A warning for batch norms that see one image at a time; InvalidSpec where a process would see none."""
    if plan.batch_size < processes:
        raise InvalidSpec(
            f"batch_size is {plan.batch_size} for {processes} processes; expected an image for each at least.",
            param="train.batch_size",
        )
    images = max(1, plan.batch_size // processes // plan.accumulate)
    if images > 1 or not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in net.modules()):
        return None
    return (
        f"{type(net).__name__} has batch norm, and a pass holds one image (batch_size {plan.batch_size}, accumulate "
        f"{plan.accumulate}, {processes} processes): its statistics will be noisy; two images or more are better."
    )


def judge_sizes(student: SegmentationNet, teacher: SegmentationNet) -> str | None:
    """A warning for a student that is larger than its teacher."""
    ours, theirs = count_parameters(student), count_parameters(teacher)
    if ours <= theirs:
        return None
    return (
        f"The student has {ours:,} parameters, more than its teacher's {theirs:,}; expected it to be the smaller one."
    )


def take_precautions(shop: Workshop, report: Report) -> None:
    """Say what is doubtful of each schedule, a warning each; raise InvalidSpec or MissingExtra for what cannot be."""
    student = shop.fresh("student", len(report.classes))
    said = _judge_schedule(shop, "student", student, report)
    if not isinstance(shop.spec.teacher, OnnxTeacher):
        teacher = shop.fresh("teacher", len(report.classes))
        said.append(("student_larger", judge_sizes(student, teacher)))
        if shop.trains_teacher:
            said += _judge_schedule(shop, "teacher", teacher, report)
    for code, message in dict.fromkeys(said):  # one schedule for both says it once
        if message:
            shop.emit(Event("warning", {"code": code, "message": message}))


def _judge_schedule(shop: Workshop, role: Role, net: SegmentationNet, report: Report) -> list[tuple[str, str | None]]:
    plan = shop.plan(role)
    if plan.compile:
        require_compiler(shop.device)
    return [("crop_padded", judge_crop(plan, report.sizes)), ("batch_of_one", judge_batch(plan, net, shop.group.size))]


def _filled(plan: Train, size: str, scale: float) -> float:
    """The share of a crop that an image of this size fills at this scale."""
    width, height = map(int, size.split("x"))
    scale *= fitting_scale((height, width), plan.resize)
    width, height = width * scale, height * scale
    return min(1.0, height / plan.crop[0]) * min(1.0, width / plan.crop[1])
