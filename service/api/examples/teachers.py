"""Teachers and what their probes found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples.base import AT, CLASSES, DATASET_ID, SHA256

TEACHER_ID = "tch_01kaf5w8d2e3f4g5h6j7k8m9n0"
_IMAGENET = {
    "layout": "nchw",
    "color": "rgb",
    "scale": 255.0,
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
_BGR = {**_IMAGENET, "color": "bgr"}

TEACHER: Mapping[str, Any] = {
    "object": "teacher",
    "id": TEACHER_ID,
    "name": "segformer-b5",
    "dataset": DATASET_ID,
    "file": {"type": "onnx", "input": "auto", "output": "auto", "classes": "auto"},
    "state": "ready",
    "sha256": SHA256,
    "size": 338_912_400,
    "classes": CLASSES,
    "miou": 0.79,
    "error": None,
    "created_at": AT,
    "checked_at": AT,
    "metadata": {},
}
PROBE: Mapping[str, Any] = {
    "object": "teacher_probe",
    "teacher": TEACHER_ID,
    "sha256": SHA256,
    "parameters": 84_600_000,
    "pixels_as_they_are": False,
    "images": 8,
    "miou": 0.79,
    "reading": {
        "input": _BGR,
        "output": {"name": "logits", "kind": "logits", "layout": "nchw"},
        "channels": [[0], [1]],
    },
    "trials": [
        {"input": _IMAGENET, "channels": [[0], [1]], "reordered": False, "miou": 0.03},
        {"input": _BGR, "channels": [[0], [1]], "reordered": False, "miou": 0.79},
    ],
    "findings": [
        {
            "severity": "note",
            "code": "found_input",
            "message": "The teacher is read with BGR instead of RGB: 79% mIoU, 3% without.",
        }
    ],
}

BY_SCHEMA: Mapping[str, Any] = {"Teacher": TEACHER, "TeacherProbe": PROBE}
