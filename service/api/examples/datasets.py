"""Datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples.base import AT, CLASSES, DATASET_ID, SHA256

DATASET: Mapping[str, Any] = {
    "object": "dataset",
    "id": DATASET_ID,
    "name": "camvid",
    "path": "/data/camvid11",
    "layout": "auto",
    "labels": "dataset",
    "state": "ready",
    "sha256": SHA256,
    "classes": CLASSES,
    "splits": {"train": 367, "val": 101},
    "error": None,
    "created_at": AT,
    "checked_at": AT,
    "metadata": {},
}

BY_SCHEMA: Mapping[str, Any] = {
    "Dataset": DATASET,
}
