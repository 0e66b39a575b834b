"""Jobs, their plans, events and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples.base import AT, DATASET_ID, EVENT_ID, JOB_ID, SHA256
from service.api.examples.datasets import DATASET
from service.schemas import JobRequest

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
        "dataset": DATASET_ID,
        "student": {"arch": "ddrnet_23_nano"},
        "register": {"model": "street"},
    }
).kept()

_JOB: Mapping[str, Any] = {
    "object": "job",
    "id": JOB_ID,
    "name": "street-fast",
    "status": "running",
    "cancel_requested": False,
    "dataset": DATASET_ID,
    "stage": "training_student",
    "stages": [
        {
            "name": "training_student",
            "state": "running",
            "progress": 62.5,
            "started_at": AT,
            "duration_s": None,
            "warnings": [],
            "images_per_s": 26.1,
            "memory_bytes": 1_430_000_000.0,
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
    "priority": 0,
    "retry_of": None,
    "error": None,
    "result": None,
    "model": None,
    "version": None,
    "request": _REQUEST,
    "created_at": AT,
    "started_at": AT,
    "finished_at": None,
    "metadata": {},
}

BY_SCHEMA: Mapping[str, Any] = {
    "Job": _JOB,
    "JobPlan": {
        "object": "job_plan",
        "request": _REQUEST,
        "dataset": DATASET,
        "networks": [
            {"role": "teacher", "arch": "pspnet_r101", "steps": 80_000, "params_m": 65.6, "gmacs": 168.77},
            {"role": "student", "arch": "ddrnet_23_nano", "steps": 80_000, "params_m": 1.43, "gmacs": 0.77},
        ],
        "budget_minutes": None,
        "estimate": {
            "seconds": {"low": 62_000.0, "high": 84_000.0},
            "memory_bytes": {"low": 9.1e9, "high": 11.1e9},
            "basis": "measured",
            "explanation": f"measured on {JOB_ID}, 12 min ago: the same networks, method, crop and batch",
        },
    },
    "Checkpoint": {
        "object": "checkpoint",
        "id": EVENT_ID,
        "at": AT,
        "stage": "training_student",
        "step": 1000,
        "sha256": SHA256,
        "size": 11_482_113,
        "newest": True,
    },
    "Preview": {
        "object": "preview",
        "id": EVENT_ID,
        "at": AT,
        "stage": "training_student",
        "step": 1000,
        "sha256": SHA256,
        "size": 212_480,
        "url": f"/v1/jobs/{JOB_ID}/previews/{EVENT_ID}",
    },
    "JobDiff": {
        "object": "job_diff",
        "left": JOB_ID,
        "right": "job_01kaf71d2m0p3q4r5s6t7v8w9x",
        "differences": [
            {"path": "request.train.lr", "left": 0.01, "right": 0.02},
            {"path": "result.student.miou", "left": 0.68, "right": 0.66},
        ],
    },
    "Event": {
        "object": "event",
        "id": EVENT_ID,
        "job": JOB_ID,
        "seq": 42,
        "type": "checkpoint",
        "at": AT,
        "data": {"stage": "training_student", "step": 1000},
    },
    "Metrics": {
        "object": "metrics",
        "id": EVENT_ID,
        "at": AT,
        "stage": "training_student",
        "step": 1250,
        "values": {"val_miou": 0.66},
    },
    "File": {
        "object": "file",
        "name": "picture.png",
        "sha256": SHA256,
        "size": 481_516,
        "url": f"/v1/jobs/{JOB_ID}/artifacts/picture.png",
    },
    "Result": _RESULT,
}
