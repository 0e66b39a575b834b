"""Recipes by name: fields of a job, as plain mappings, that a job may lie over.

`short` is for minutes on a laptop rather than days on a GPU. With the paper's weights the distillation loss starts at
some hundred times the cross-entropy, and few steps are left to outgrow that; it therefore lowers both weights and
softens the body's distribution. docs/LOG.md has the runs that chose the numbers. The method's own defaults stay the
paper's.

PRESETS are named in a specification, `preset: cityscapes` or `preset: [ade20k, transformer]`: of several the later
wins, and what the specification says itself wins over all. The three of the paper are its authors' configs (C; batch
sizes are inferred); `camvid` is ours (D); `transformer` is what MMSegmentation trains SegFormer with (A).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bpkd_core.errors import UnknownName

SHORT_TRAIN: dict[str, Any] = {
    "optimizer": "adamw",
    "lr": 6e-3,
    "min_lr": 1e-5,
    "weight_decay": 0.01,
    "warmup_steps": 20,
    "batch_size": 8,
    "input_downscale": 2,
    "crop": [192, 256],
    "scale": [0.9, 1.25],
    "photometric": 0.0,
    "eval_every": 200,
    "checkpoint_every": 50,
}
SHORT_METHOD: dict[str, Any] = {"type": "bpkd", "lambda_edge": 0.2, "lambda_body": 1.0, "temperature_body": 4.0}

SGD: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 0.01,
    "min_lr": 1e-4,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "poly",
    "poly_power": 0.9,
    "warmup_steps": 0,
    "steps": 80_000,
    "batch_size": 8,
    "scale": [0.5, 2.0],
    "cat_max_ratio": 0.75,
    "flip": 0.5,
    "photometric": 1.0,
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cityscapes": {"train": {**SGD, "crop": [512, 1024]}, "eval": {"mode": "whole"}},
    "ade20k": {"train": {**SGD, "crop": [512, 512], "resize": [2048, 512]}, "eval": {"mode": "whole"}},
    "pascal_context59": {
        "train": {
            **SGD,
            "lr": 0.004,
            "weight_decay": 1e-4,
            "batch_size": 16,
            "crop": [480, 480],
            "resize": [520, 520],
        },
        "eval": {"mode": "slide", "window": [480, 480], "stride": [320, 320]},
    },
    "camvid": {
        "train": {**SGD, "steps": 20_000, "crop": [352, 480], "eval_every": 1_000},
        "eval": {"mode": "whole"},
    },
    "transformer": {
        "train": {
            "optimizer": "adamw",
            "lr": 6e-5,
            "min_lr": 0.0,
            "weight_decay": 0.01,
            "head_lr_multiplier": 10.0,
            "schedule": "poly",
            "poly_power": 1.0,
            "warmup_steps": 1_500,
        }
    },
}


def short(*, budget_minutes: float, seed: int = 0) -> dict[str, Any]:
    """The fields of a job that trains a teacher, a control and a BPKD student within so many minutes."""
    train = {**SHORT_TRAIN, "seed": seed}
    return {
        "teacher": {"type": "train", "arch": "swiftnet_r18_slim", "train": train},
        "student": {"type": "arch", "arch": "swiftnet_r18_nano"},
        "method": {**SHORT_METHOD},
        "train": {**train},
        "control": "full",
        "budget_minutes": budget_minutes,
    }


def with_presets(job: object) -> object:
    """A specification with the presets that it names laid under it; anything that names none as it is.

    Schedules are merged field by field, a teacher's own too; every other part is taken whole, the job's if it has one.
    Raises UnknownName for a name that is not in PRESETS.
    """
    if not isinstance(job, Mapping):
        return job
    given = cast("Mapping[str, Any]", job)
    named = given.get("preset")
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in cast("Sequence[Any]", names)):
        return given  # nothing, or what the specification itself refuses
    filled: dict[str, Any] = dict(given)
    for name in reversed(cast("Sequence[str]", names)):
        if name not in PRESETS:
            raise UnknownName.among("preset", name, PRESETS, param="preset")
        filled = _over(PRESETS[name], filled)
    return {**filled, "preset": list(cast("Sequence[str]", names))}


def _over(preset: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """The job over the preset."""
    filled = {**preset, **job}
    if "train" in job:
        filled["train"] = _merged(preset["train"], job["train"])
    teacher = job.get("teacher")
    if isinstance(teacher, Mapping):
        own = cast("Mapping[str, Any]", teacher).get("train")
        if isinstance(own, Mapping):
            filled["teacher"] = {**cast("Mapping[str, Any]", teacher), "train": _merged(preset["train"], own)}
    return filled


def _merged(preset: Mapping[str, Any], own: object) -> object:
    """What a schedule says itself over the preset's; anything that is no mapping is left for the check to refuse."""
    return {**preset, **cast("Mapping[str, Any]", own)} if isinstance(own, Mapping) else own
