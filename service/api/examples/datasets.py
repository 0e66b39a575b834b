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

REPORT: Mapping[str, Any] = {
    "object": "dataset_report",
    "ok": False,
    "layout": "folder",
    "findings": [
        {
            "code": "missing_pair",
            "severity": "error",
            "count": 2,
            "samples": ["images/train/0007.jpg", "images/train/0019.jpg"],
            "message": "Images without a mask: 2; expected one for each.",
            "fix": "Add PNGs of the same names below masks, or take the images away.",
        }
    ],
    "splits": [{"name": "train", "images": 367, "source": "images/train", "void_share": 0.03, "labelled": 365}],
    "classes": [{"id": 0, "name": "road", "color": [128, 64, 128], "share": {"train": 0.31}}],
    "sizes": {"480x360": 468},
    "evaluation_split": "val",
    "sha256": SHA256,
    "unlabelled": 0,
}
SAMPLE: Mapping[str, Any] = {
    "object": "dataset_sample",
    "number": 0,
    "name": "0001TP_006690",
    "split": "train",
    "sha256": SHA256,
    "size": 187_204,
    "url": f"/v1/datasets/{DATASET_ID}/samples/0",
}

BY_SCHEMA: Mapping[str, Any] = {
    "Dataset": DATASET,
    "DatasetReport": REPORT,
    "DatasetSample": SAMPLE,
}
