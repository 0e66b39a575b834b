"""Where two jobs differ: what was asked, on which data, by which code, and what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from service.domain.jobs import Job

UNSEEN = frozenset({"metadata", "name", "webhooks"})
"""Fields of a request that say what a job is called and whom it tells, not what it does."""


@dataclass(frozen=True)
class Difference:
    """One path with its two values; None where a side has nothing there."""

    path: str
    left: Any
    right: Any


def describe(job: Job, manifest: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """All that two jobs are compared by. manifest: the one that the run left, which knows the code's versions.

    What a job learned from stands in its request, and so outlives its dataset.
    """
    return {
        "request": {field: value for field, value in job.request.items() if field not in UNSEEN},
        "dataset": {"id": job.dataset_id, "sha256": job.request.get("dataset_sha256")},
        "code": (manifest or {}).get("versions"),
        "status": job.status,
        "error": job.error and job.error.get("code"),
        "result": job.result,
    }


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """Every leaf in which two mappings differ, in the order of the left one; lists are leaves."""
    return list(_differences(left, right, ""))


def _differences(left: Any, right: Any, path: str) -> Iterator[Difference]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        ours, theirs = cast("Mapping[str, Any]", left), cast("Mapping[str, Any]", right)
        for key in (*ours, *(key for key in theirs if key not in ours)):
            yield from _differences(ours.get(key), theirs.get(key), f"{path}.{key}" if path else key)
    elif left != right:
        yield Difference(path, left, right)
