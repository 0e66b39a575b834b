"""From a finished run's folder to stored files, a version, and a job that succeeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bpkd_core.bundle import Bundle, FileInfo
from bpkd_core.errors import GateFailed, InvalidModel
from service.domain import work
from service.domain.jobs import Job, Remains
from service.domain.models import Release
from service.domain.ports import Artifacts, Jobs

INDEX = "bundle.json"
BEST = "best.safetensors"  # as bpkd_core/train/checkpoint.py writes it, which needs torch to be imported


def store(artifacts: Artifacts, folder: Path, *, beat: Callable[[], object]) -> tuple[Bundle, Mapping[str, FileInfo]]:
    """Keep every file of a finished run; files by name. Safe to repeat: they are named by their hashes.

    beat: called between files, because copying them may take longer than a lease. Raises InvalidModel for a bundle that
    is damaged.
    """
    bundle = Bundle.read(folder, verify=False)  # keeping a file hashes it anyway
    files = {INDEX: artifacts.keep(folder / INDEX)}
    for name, info in bundle.files.items():
        beat()
        if not (folder / name).is_file() or artifacts.keep(folder / name) != info:
            raise InvalidModel(f"{name} differs from its hash in {INDEX}; the run must be repeated")
        files[name] = info
    return bundle, files


def keep_logs(artifacts: Artifacts, folder: Path) -> dict[str, FileInfo]:
    """Keep what the trainer wrote for people."""
    return {log.name: artifacts.keep(log) for log in sorted(folder.glob("*.log")) if log.stat().st_size}


def keep_weights(artifacts: Artifacts, folder: Path) -> dict[str, FileInfo]:
    """Keep the weights that validated best of each network that was begun, as `student-best.safetensors` and so on."""
    found = sorted(folder.glob(f"checkpoints/*/{BEST}"))
    return {f"{path.parent.name}-{BEST}": artifacts.keep(path) for path in found}


def publish(jobs: Jobs, job: Job, bundle: Bundle, files: Mapping[str, FileInfo], log_tail: str = "") -> Job:
    """End a job whose files are stored: job, version, alias and events become visible in one write. Safe to repeat.

    A gate that is not met ends the job as failed; its files stay with it, and no version is made. Raises FenceLost.
    """
    registration = job.request.get("register")
    try:
        check_gates(bundle, registration)
    except GateFailed as error:
        return work.fail(jobs, job, error, Remains(files, log_tail))
    result = bundle.result.model_dump(mode="json")
    release = draft_release(job, bundle, files) if registration else None
    return work.succeed(jobs, job, result=result, files=files, release=release)


def check_gates(bundle: Bundle, registration: Mapping[str, Any] | None) -> None:
    """Compare the student, as measured on its ONNX file, with the job's gates. Raises GateFailed."""
    limits: Mapping[str, float | None] = (registration or {}).get("gates") or {}
    student = bundle.result.student
    measured = {
        "miou_min": ("mIoU", student.miou),
        "boundary_iou_min": ("boundary IoU", student.boundary_iou),
        "argmax_agreement_min": ("argmax agreement with torch", student.parity and student.parity.argmax_agreement),
    }
    for field, (name, found) in measured.items():
        least = limits.get(field)
        if least is not None and (found is None or found < least):
            value = "undefined" if found is None else f"{found:.4f}"
            raise GateFailed(
                f"The student's {name} is {value}; its gate asks for {least:g}",
                param=f"register.gates.{field}",
                hint="The files are kept with the job; lower the gate, train longer, or choose a larger student.",
            )


def draft_release(job: Job, bundle: Bundle, files: Mapping[str, FileInfo]) -> Release:
    """What is to become a version."""
    registration = job.request["register"]
    return Release(
        model=registration["model"],
        job_id=job.id,
        dataset_sha256=bundle.dataset_sha256,
        files=files,
        classes=tuple(bundle.classes),
        result=bundle.result.model_dump(mode="json"),
        provenance=bundle.provenance,
        alias=registration.get("alias_on_success"),
    )
