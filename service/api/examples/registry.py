"""The registry, its predictions and the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples.base import AT, CLASSES, FILE, JOB_ID, SHA256

BY_SCHEMA: Mapping[str, Any] = {
    "Model": {
        "object": "model",
        "name": "street",
        "latest_version": 3,
        "aliases": {"candidate": 3, "production": 2},
        "created_at": AT,
    },
    "Version": {
        "object": "model_version",
        "model": "street",
        "version": 3,
        "job": JOB_ID,
        "dataset_sha256": SHA256,
        "onnx": FILE,
        "files": {"student.onnx": FILE},
        "classes": CLASSES,
        "provenance": {"seed": "0"},
        "gates": [{"name": "miou_min", "least": 0.5, "measured": 0.5712, "passed": True}],
        "created_at": AT,
        "created_by": None,
    },
    "Alias": {
        "object": "alias",
        "model": "street",
        "alias": "production",
        "version": 3,
        "revision": 2,
        "moved_at": AT,
        "moved_by": None,
    },
    "AliasMove": {
        "object": "alias_move",
        "model": "street",
        "alias": "production",
        "revision": 2,
        "kind": "promote",
        "from_version": 2,
        "to_version": 3,
        "at": AT,
        "by": None,
        "reason": "better on poles",
    },
    "Prediction": {
        "object": "prediction",
        "id": "pred_06gzr32btsffq5wk28mtqaxbnentqaxbnentqar1wg2hcs4v519g",
        "model": "street",
        "version": 3,
        "height": 2,
        "width": 3,
        "classes": [{"id": 0, "name": "road", "pixels": 3, "fraction": 0.5, "rle": "03"}],
    },
    "Lineage": {
        "object": "lineage",
        "id": "pred_06gzr32btsffq5wk28mtqaxbnentqaxbnentqar1wg2hcs4v519g",
        "at": AT,
        "request_id": "req_9a1c0de5b2f34817a6d3e0c4",
        "model": "street",
        "version": 3,
        "onnx_sha256": SHA256,
        "job": JOB_ID,
        "dataset_sha256": SHA256,
        "teacher_sha256": SHA256,
    },
    "CatalogStudent": {
        "object": "student",
        "name": "ddrnet_23_nano",
        "title": "DDRNet-23 at half the slim width: real time on one CPU core",
        "paper": "arXiv 2101.06085",
        "licence": "Apache-2.0",
        "stride": 8,
        "params_m": 1.43,
        "gmacs": 0.77,
    },
}
