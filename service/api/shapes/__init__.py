"""The domain's values in the shape of the wire. Nothing is decided here."""

from __future__ import annotations

from service.api.shapes.base import V, W, answer, listing, whole
from service.api.shapes.datasets import dataset, samples
from service.api.shapes.jobs import job, plan
from service.api.shapes.operations import queue, worker
from service.api.shapes.registry import alias, lineage, model, move, student, version
from service.api.shapes.teachers import probe, teacher
from service.api.shapes.traces import checkpoints, event, files, first, job_diff, metrics, preview
from service.api.shapes.uploads import upload
from service.api.shapes.webhooks import delivery, webhook

__all__ = [
    "V",
    "W",
    "alias",
    "answer",
    "checkpoints",
    "dataset",
    "delivery",
    "event",
    "files",
    "first",
    "job",
    "job_diff",
    "lineage",
    "listing",
    "metrics",
    "model",
    "move",
    "plan",
    "preview",
    "probe",
    "queue",
    "samples",
    "student",
    "teacher",
    "upload",
    "version",
    "webhook",
    "whole",
    "worker",
]
