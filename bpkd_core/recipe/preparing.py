"""Before anything is trained: refuse what cannot be trained on, measure, choose the number of steps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import torch

from bpkd_core.bundle import Role
from bpkd_core.data.report import Report
from bpkd_core.data.validate import check
from bpkd_core.errors import InvalidDataset
from bpkd_core.events import Event, Stage
from bpkd_core.recipe.precautions import take_precautions
from bpkd_core.recipe.records import Prepared
from bpkd_core.recipe.reference import measured_split, require_labels
from bpkd_core.recipe.teaching import rehearsal
from bpkd_core.recipe.workshop import TRAINING, Workshop
from bpkd_core.spec import DistillSpec
from bpkd_core.train.pace import fit_budget, fixed_seconds, measure_step
from bpkd_core.train.supervision import with_class_weights


def prepare(shop: Workshop) -> Prepared:
    """Refuse a dataset that cannot be trained on, measure a step of each network, choose the number of steps."""
    start = time.monotonic()
    report = examine(shop)
    report.raise_if_bad()
    require_data(shop.spec, report)
    require_labels(shop, report)
    take_precautions(shop, report)
    val = shop.data("val")
    shares = [each.share["train"] for each in report.classes]
    split = measured_split(report)
    images = len(shop.data(split))
    pace = measure_pace(shop, shares)
    height, width = val[0].labels_HW.shape
    return Prepared(
        spec=shop.spec,
        dataset_sha256=report.sha256,
        classes=list(val.classes),
        class_shares=shares,
        split=split,
        images=images,
        image_hw=(height, width),
        step_seconds=pace,
        steps=choose_steps(shop, pace, images, spent_s=time.monotonic() - start),
        threads=torch.get_num_threads(),
    )


def require_data(spec: DistillSpec, report: Report) -> None:
    """Raise InvalidDataset where the specification asks for other data than is there."""
    if spec.dataset_sha256 not in (None, report.sha256):
        raise InvalidDataset(
            f"The dataset's files are not those that were asked for: their sha256 is {report.sha256}; expected "
            f"{spec.dataset_sha256}, as they were when they were validated",
            param="dataset_sha256",
            hint="Put the files back as they were, or register the folder again to train on what is there now.",
        )


def examine(shop: Workshop) -> Report:
    """Look at every file that this run will read; a teacher that is trained reads the masks of train in any case."""
    labels = "mixed" if shop.spec.labels == "teacher" and shop.trains_teacher else shop.spec.labels
    return check(shop.spec.dataset, layout=shop.spec.layout, labels=labels, progress=shop.counter("preparing_data"))


def expected_seconds(shop: Workshop, prepared: Prepared) -> dict[Stage, float]:
    """How long each stage from here on will take."""
    after = fixed_seconds(len(shop.roles), prepared.images) / 3
    training: dict[Stage, float] = {
        TRAINING[role]: steps * prepared.step_seconds[role] for role, steps in prepared.steps.items()
    }
    return {**training, "exporting": after, "verifying": after, "evaluating": after}


def measure_pace(shop: Workshop, class_shares: Sequence[float]) -> dict[Role, float]:
    """Seconds of a training step of each network to be trained, on real batches, of this process's size."""
    pace: dict[Role, float] = {}
    for role in shop.roles:
        if role == "teacher" and not shop.trains_teacher:
            continue
        plan = with_class_weights(shop.plan(role), class_shares)
        plan = plan.model_copy(update={"batch_size": -(-plan.batch_size // shop.group.size)})
        net = shop.fresh(role, len(class_shares))
        distillation = rehearsal(shop, role, net) if shop.asks_teacher(role) else None
        pace[role] = measure_step(net, plan, shop.data("train", role), distillation, shop.device)
    return pace


def choose_steps(shop: Workshop, pace: Mapping[Role, float], images: int, *, spent_s: float) -> dict[Role, int]:
    """Optimizer steps of each network: what the plans say, or what fits into the rest of the budget."""
    if shop.spec.budget_minutes is None:
        return {role: shop.plan(role).steps for role in pace}
    chosen = fit_budget(
        shop.spec.budget_minutes * 60 - spent_s,
        teacher_step_s=pace.get("teacher", 0.0),
        pair_step_s=pace["student"] + pace.get("control", 0.0) / shop.control_part,
        fixed_s=fixed_seconds(len(shop.roles), images),
    )
    each: dict[Role, int] = {
        "teacher": chosen.teacher,
        "control": -(-chosen.student // shop.control_part),
        "student": chosen.student,
    }
    steps: dict[Role, int] = {role: each[role] for role in pace}
    shop.emit(Event("log", {"message": f"{shop.spec.budget_minutes:g} minutes: steps {steps}."}))
    return steps
