"""Which jobs a list is asked for, as a FastAPI dependency."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime, BeforeValidator, Field

from service import schemas
from service.domain.ports import JobFilter

Id = Annotated[str | None, Query(max_length=100)]
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def _written_out(text: str) -> str:
    """Pydantic takes bare numbers for seconds since 1970, which the OpenAPI document does not promise."""
    if text[4:5] != "-":
        raise ValueError("Expected a time with its zone, such as 2026-11-21T03:00:00Z")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), Field(ge=EARLIEST, le=LATEST)]


def job_filter(
    status: schemas.JobStatus | None = None,
    dataset: Id = None,
    teacher: Annotated[str | None, Query(max_length=100, description="id of a registered teacher")] = None,
    model: Id = None,
    name: Annotated[str | None, Query(max_length=200, description="how the name begins")] = None,
    metadata: Annotated[
        str | None,
        Query(pattern=r"^[^:]{1,64}:[\s\S]{0,512}$", description="a pair that the job has, as `key:value`"),
    ] = None,
    created_after: Annotated[Moment | None, Query(description="created at this time or later (RFC 3339)")] = None,
    created_before: Annotated[Moment | None, Query(description="created before this time (RFC 3339)")] = None,
) -> JobFilter:
    """Only jobs for which every parameter that is given holds."""
    key, _, value = (metadata or "").partition(":")
    return JobFilter(
        status=status,
        dataset_id=dataset,
        teacher_id=teacher,
        model=model,
        name_prefix=name,
        metadata=(key, value) if metadata else None,
        created_from=created_after,
        created_before=created_before,
    )


Where = Annotated[JobFilter, Depends(job_filter)]
