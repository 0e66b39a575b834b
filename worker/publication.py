"""From a finished run's folder to stored files, a version, and a job that succeeded."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from bpkd_core.bundle import Bundle, FileInfo
from bpkd_core.errors import GateFailed, InvalidModel
from service.domain import work
from service.domain.gates import judge, require
from service.domain.jobs import Job, Remains
from service.domain.models import Release
from service.domain.ports import Artifacts, Jobs
from service.domain.predictions import SEAL_BYTES

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

    A gate that is not met ends the job as failed; its result and its files stay with it, and no version is made. Raises
    FenceLost.
    """
    result = bundle.result.model_dump(mode="json")
    release = draft_release(job, bundle, files) if job.request.get("register") else None
    try:
        require(release.gates if release else ())
    except GateFailed as error:
        return work.fail(jobs, job, error, Remains(files, log_tail, result))
    return work.succeed(jobs, job, result=result, files=files, release=release)


def draft_release(job: Job, bundle: Bundle, files: Mapping[str, FileInfo]) -> Release:
    """What is to become a version, if it passes its gates."""
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
        gates=judge(bundle.result, registration.get("gates") or {}),
        created_by=job.created_by,
        seal=secrets.token_hex(SEAL_BYTES),
    )
