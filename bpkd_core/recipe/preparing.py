"""Before anything is trained: refuse what cannot be trained on, measure, choose the number of steps."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from bpkd_core.bundle import Role
from bpkd_core.data import evaluation_split
from bpkd_core.data.layout import Split
from bpkd_core.data.validate import check
from bpkd_core.events import Event, Stage
from bpkd_core.recipe.records import Prepared
from bpkd_core.recipe.teaching import rehearsal
from bpkd_core.recipe.workshop import TRAINING, Workshop
from bpkd_core.train.pace import fit_budget, fixed_seconds, measure_step


def prepare(shop: Workshop) -> Prepared:
    """Refuse a dataset that cannot be trained on, measure a step of each network, choose the number of steps."""
    report = check(shop.spec.dataset, progress=shop.counter("preparing_data"))
    report.raise_if_bad()
    val = shop.data("val")
    split: Split = evaluation_split(shop.spec.dataset)
    images = len(shop.data(split))
    pace = measure_pace(shop, len(val.classes))
    height, width = val[0].labels_HW.shape
    return Prepared(
        spec=shop.spec,
        dataset_sha256=report.sha256,
        classes=list(val.classes),
        split=split,
        images=images,
        image_hw=(height, width),
        step_seconds=pace,
        steps=choose_steps(shop, pace, images),
        threads=torch.get_num_threads(),
    )


def expected_seconds(shop: Workshop, prepared: Prepared) -> dict[Stage, float]:
    """How long each stage from here on will take."""
    after = fixed_seconds(len(shop.roles), prepared.images) / 3
    training: dict[Stage, float] = {
        TRAINING[role]: steps * prepared.step_seconds[role] for role, steps in prepared.steps.items()
    }
    return {**training, "exporting": after, "verifying": after, "evaluating": after}


def measure_pace(shop: Workshop, num_classes: int) -> dict[Role, float]:
    """Seconds of a training step of each network to be trained, on real batches."""
    data = shop.data("train")
    pace: dict[Role, float] = {}
    for role in shop.roles:
        if role == "teacher" and not shop.trains_teacher:
            continue
        net = shop.fresh(role, num_classes)
        distillation = rehearsal(shop, net) if shop.asks_teacher(role) else None
        pace[role] = measure_step(net, shop.plan(role), data, distillation, shop.device)
    return pace


def choose_steps(shop: Workshop, pace: Mapping[Role, float], images: int) -> dict[Role, int]:
    """Optimizer steps of each network: what the plans say, or what fits into the budget."""
    if shop.spec.budget_minutes is None:
        return {role: shop.plan(role).steps for role in pace}
    chosen = fit_budget(
        shop.spec.budget_minutes * 60,
        teacher_step_s=pace.get("teacher", 0.0),
        pair_step_s=pace["student"] + pace.get("control", 0.0),
        fixed_s=fixed_seconds(len(shop.roles), images),
    )
    steps: dict[Role, int] = {role: chosen.teacher if role == "teacher" else chosen.student for role in pace}
    shop.emit(Event("log", {"message": f"{shop.spec.budget_minutes:g} minutes: steps {steps}."}))
    return steps
