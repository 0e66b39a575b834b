"""One example of each answer, for the OpenAPI document. A test reads each back through its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.schemas import JobRequest

_DATASET_ID = "ds_01kaf5v3m0q8r9s2t3v4w5x6y7"
_JOB_ID = "job_01kaf60c1nz2p3q4r5s6t7v8w9"
_EVENT_ID = f"evt_{_JOB_ID[4:]}_00000042"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT = "2026-11-20T20:19:00Z"
_FILE = {"sha256": _SHA256, "size": 1_912_400}
_CLASSES = [{"id": 0, "name": "road", "color": [128, 64, 128]}, {"id": 1, "name": "pole", "color": [220, 190, 40]}]
_INTERVAL = {"value": 0.041, "low": 0.012, "high": 0.07, "reason": None}


def _network(arch: str, miou: float, parameters: int) -> Mapping[str, Any]:
    return {
        "arch": arch,
        "miou": miou,
        "miou_interval": {"value": miou, "low": miou - 0.02, "high": miou + 0.02, "reason": None},
        "per_class_iou": {"road": 0.95, "pole": 0.41},
        "mean_accuracy": 0.81,
        "pixel_accuracy": 0.93,
        "boundary_iou": 0.52,
        "edge_miou": 0.55,
        "body_miou": 0.8,
        "trimap_miou": {"1": 0.4, "3": 0.5},
        "parameters": parameters,
        "gflops": 1.1,
        "onnx_bytes": parameters * 4,
        "latency": {
            "p50_ms": 7.9,
            "p95_ms": 8.6,
            "p99_ms": 9.4,
            "provider": "CPUExecutionProvider",
            "threads": 2,
            "height": 360,
            "width": 480,
        },
        "parity": {
            "max_abs_logit_diff": 2e-5,
            "argmax_agreement": 1.0,
            "mask_agreement": 1.0,
            "sizes": [[97, 131]],
            "batches": [1, 3],
        },
        "steps": 2000,
        "train_seconds": 610.0,
    }


_RESULT: Mapping[str, Any] = {
    "split": "val",
    "reference": "labels",
    "images": 101,
    "method": "bpkd",
    "teacher": _network("pspnet_r18", 0.72, 12_800_000),
    "control": _network("ddrnet_23_nano", 0.64, 1_400_000),
    "student": _network("ddrnet_23_nano", 0.68, 1_400_000),
    "gap_closed": {"value": 0.5, "low": 0.2, "high": 0.8, "reason": None},
    "miou_gain": _INTERVAL,
    "boundary_iou_gain": _INTERVAL,
    "verdict": "Distillation helped: +4.1 points of mIoU, and the interval excludes zero.",
}

_REQUEST = JobRequest.model_validate(
    {
        "name": "street-fast",
        "dataset": _DATASET_ID,
        "student": {"arch": "ddrnet_23_nano"},
        "register": {"model": "street"},
    }
).model_dump(mode="json", by_alias=True)

_DATASET: Mapping[str, Any] = {
    "object": "dataset",
    "id": _DATASET_ID,
    "name": "camvid",
    "path": "/data/camvid11",
    "layout": "auto",
    "labels": "dataset",
    "state": "ready",
    "sha256": _SHA256,
    "classes": _CLASSES,
    "splits": {"train": 367, "val": 101},
    "error": None,
    "created_at": _AT,
    "checked_at": _AT,
    "metadata": {},
}

_JOB: Mapping[str, Any] = {
    "object": "job",
    "id": _JOB_ID,
    "name": "street-fast",
    "status": "running",
    "cancel_requested": False,
    "dataset": _DATASET_ID,
    "stage": "training_student",
    "stages": [
        {
            "name": "training_student",
            "state": "running",
            "progress": 62.5,
            "started_at": _AT,
            "duration_s": None,
            "warnings": [],
        }
    ],
    "progress": {
        "stage": "training_student",
        "percent": 62.5,
        "step": 1250,
        "total_steps": 2000,
        "eta_seconds": 230.0,
        "images_per_s": 26.1,
    },
    "latest": {"ce": 0.41, "val_miou": 0.66},
    "best": {"val_miou": 0.66},
    "attempt": 1,
    "worker": "host-a:4711",
    "error": None,
    "result": None,
    "model": None,
    "version": None,
    "request": _REQUEST,
    "created_at": _AT,
    "started_at": _AT,
    "finished_at": None,
    "metadata": {},
}

BY_SCHEMA: Mapping[str, Any] = {
    "Dataset": _DATASET,
    "Job": _JOB,
    "JobPlan": {
        "object": "job_plan",
        "request": _REQUEST,
        "dataset": _DATASET,
        "networks": [
            {"role": "teacher", "arch": "pspnet_r101", "steps": 80_000, "params_m": 65.6, "gmacs": 168.77},
            {"role": "student", "arch": "ddrnet_23_nano", "steps": 80_000, "params_m": 1.43, "gmacs": 0.77},
        ],
        "budget_minutes": None,
    },
    "Event": {
        "object": "event",
        "id": _EVENT_ID,
        "job": _JOB_ID,
        "seq": 42,
        "type": "checkpoint",
        "at": _AT,
        "data": {"stage": "training_student", "step": 1000},
    },
    "Metrics": {
        "object": "metrics",
        "id": _EVENT_ID,
        "at": _AT,
        "stage": "training_student",
        "step": 1250,
        "values": {"val_miou": 0.66},
    },
    "File": {
        "object": "file",
        "name": "picture.png",
        "sha256": _SHA256,
        "size": 481_516,
        "url": f"/v1/jobs/{_JOB_ID}/artifacts/picture.png",
    },
    "Model": {
        "object": "model",
        "name": "street",
        "latest_version": 3,
        "aliases": {"candidate": 3, "production": 2},
        "created_at": _AT,
    },
    "Version": {
        "object": "model_version",
        "model": "street",
        "version": 3,
        "job": _JOB_ID,
        "dataset_sha256": _SHA256,
        "onnx": _FILE,
        "files": {"student.onnx": _FILE},
        "classes": _CLASSES,
        "provenance": {"seed": "0"},
        "created_at": _AT,
    },
    "Result": _RESULT,
    "Alias": {
        "object": "alias",
        "model": "street",
        "alias": "production",
        "version": 3,
        "revision": 2,
        "moved_at": _AT,
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
        "at": _AT,
        "by": None,
        "reason": "better on poles",
    },
    "Prediction": {
        "object": "prediction",
        "id": "pred_01kaf6a2b3c4d5e6f7g8h9j0k1",
        "model": "street",
        "version": 3,
        "height": 2,
        "width": 3,
        "classes": [{"id": 0, "name": "road", "pixels": 3, "fraction": 0.5, "rle": "03"}],
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
    "Worker": {
        "object": "worker",
        "id": "host-a:4711",
        "host": "host-a",
        "pid": 4711,
        "version": "0.1.0",
        "started_at": _AT,
        "seen_at": _AT,
        "holds": [_JOB_ID],
    },
    "Health": {"object": "health", "status": "ok"},
    "ServerVersion": {"object": "version", "version": "0.1.0", "api": "v1", "onnx_contract": "1"},
    "Problem": {
        "type": "/problems/unknown_name",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": 'Unknown student "segformer_b00". Did you mean "segformer_b0"?',
        "code": "unknown_name",
        "errors": [{"pointer": "#/student/arch", "detail": 'Unknown student "segformer_b00".'}],
        "hint": "Known: ddrnet_23_nano, segformer_b0.",
        "request_id": "req_9a1c0de5b2f34817a6d3e0c4",
    },
}
"""Schema -> an answer as it travels."""

BY_OPERATION: Mapping[str, Any] = {
    "datasets_report": {"ready": False, "problems": [{"code": "missing_pair", "severity": "error", "count": 2}]},
    "job_schema": {"title": "JobRequest", "type": "object"},
}
"""Operation -> an answer that has no schema of its own."""
