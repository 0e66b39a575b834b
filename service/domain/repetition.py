"""Running a job again exactly: its manifest turned back into a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bpkd_core.errors import InvalidInput
from service.domain.jobs import Job

POINTER = "from_manifest"
_HINT = "Send what /v1/jobs/{id}/manifest gave, or the id of a job."


def request_of(job: Job, manifest: Mapping[str, Any] | None) -> dict[str, Any]:
    """What to send to have a job run again. manifest: the one that its run left, if it came so far.

    Without it the request itself is repeated, which is the same unless a budget chose the steps.
    """
    request = dict(job.request)
    return request if manifest is None else _pinned(request, _part(manifest, "prepared"))


def request_from(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What to send to have the run of a manifest again. Raises InvalidInput for what is no manifest of a job."""
    spec = _part(manifest, "spec")
    provenance = _part(spec, "provenance")
    if not isinstance(provenance.get("dataset_id"), str):
        raise InvalidInput(
            "The manifest names no dataset; expected one of a job, not of `bpkd distill`", param=POINTER, hint=_HINT
        )
    dropped = ("dataset", "layout", "provenance")
    request = {field: value for field, value in spec.items() if field not in dropped}
    if "teacher_id" in provenance:  # the file lay in a folder that has gone
        request["teacher"] = {"type": "registered", "id": provenance["teacher_id"]}
    return _pinned({**request, "dataset": provenance["dataset_id"]}, _part(manifest, "prepared"))


def _pinned(request: dict[str, Any], prepared: Mapping[str, Any]) -> dict[str, Any]:
    """The request with the steps that were really taken, and the hash of what they were taken on."""
    request["dataset_sha256"] = prepared.get("dataset_sha256")
    steps = _part(prepared, "steps")
    if request.get("budget_minutes") is None or "student" not in steps:
        return request
    own = _part(request, "train")
    request |= {"budget_minutes": None, "train": {**own, "steps": steps["student"]}}
    if "teacher" in steps:
        teacher = _part(request, "teacher")
        its = _part(teacher, "train") if teacher.get("train") else own
        request["teacher"] = {**teacher, "train": {**its, "steps": steps["teacher"]}}
    return request


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    if not isinstance(part, Mapping):
        raise InvalidInput(
            f"The manifest has no `{name}`; expected one that a job left", param=f"{POINTER}.{name}", hint=_HINT
        )
    return cast("Mapping[str, Any]", part)
