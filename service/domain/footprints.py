"""How much memory a job needs, before it is begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bpkd_core.catalog import MODELS
from service.domain.trainings import Measurement, Range, Training, forward_gmacs, trainings

SAME = (0.9, 1.1)
BYTES = 4  # of a number in single precision
RUNTIME_BYTES = (0.4e9, 1.5e9)  # torch itself, decoded images
ACTIVATION_BYTES = (2.0, 12.0)
"""What autograd keeps of a pixel of a crop, over the root of the multiply-adds spent on it: nine networks of the
catalogue need between 2.3 (PSPNet-R18) and 11.1 (DeepLabV3+)."""


def estimate_memory(request: Mapping[str, Any], known: Sequence[Measurement]) -> Range | None:
    """The most that any of the trainings holds; None where the catalogue does not know a network and nobody ran it."""
    parts = [_held(training, request, known) for training in trainings(request)]
    sure = [part for part in parts if part is not None]
    if len(sure) < len(parts):
        return None
    return Range(max(part.low for part in sure), max(part.high for part in sure))


def _held(training: Training, request: Mapping[str, Any], known: Sequence[Measurement]) -> Range | None:
    same = [each.memory_bytes for each in known if each.training.same == training.same and each.memory_bytes]
    if same:
        return Range(min(same) * SAME[0], max(same) * SAME[1])
    teacher = request["teacher"]
    arch = teacher.get("arch", "") if training.role == "teacher" else request["student"]["arch"]
    plan = (teacher.get("train") if training.role == "teacher" else None) or request["train"]
    net, forward = MODELS.get(arch), forward_gmacs(arch, plan)
    if net is None or net.params_m is None or forward is None:
        return None
    copies = 2 + (2 if plan["optimizer"] == "adamw" else 1) + (1 if plan.get("ema") else 0)
    weights = BYTES * copies * net.params_m * 1e6
    taught_by = MODELS.get(teacher.get("arch", "")) if training.role == "student" else None
    weights += BYTES * (taught_by.params_m or 0.0) * 1e6 if taught_by else 0.0
    height, width = plan["crop"]
    pixels = height * width * -(-plan["batch_size"] // plan.get("accumulate", 1))
    kept = pixels * (forward * 1e9 / (height * width)) ** 0.5
    low, high = (kept * each for each in ACTIVATION_BYTES)
    halved = 0.5 if plan.get("precision", "auto") != "fp32" else 1.0
    return Range(RUNTIME_BYTES[0] + weights + low * halved, RUNTIME_BYTES[1] + weights + high)
