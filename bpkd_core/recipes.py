"""Recipes that were measured to work: a set of job fields for a kind of schedule, as plain mappings.

`short` is for minutes on a laptop rather than days on a GPU. With the paper's weights the distillation loss starts at
some hundred times the cross-entropy, and few steps are left to outgrow that; it therefore lowers both weights and
softens the body's distribution. docs/LOG.md has the runs that chose the numbers. The method's own defaults stay the
paper's.
"""

from __future__ import annotations

from typing import Any

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
