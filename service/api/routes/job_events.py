"""What happened to a job: as a list with a cursor, as a stream, and its metrics as a table."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.sse import EventSourceResponse

from bpkd_core.errors import InvalidInput
from service import schemas
from service.api import shapes, sse
from service.api.context import Here

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=100, description="id of the last event already seen")]


@router.get(
    "/events",
    operation_id="jobs_events",
    response_model=schemas.List[schemas.Event],
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
def events(
    job_id: str,
    here: Here,
    limit: Limit = 100,
    after: Cursor = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """What happened, oldest first. With `Accept: text/event-stream` it is streamed until the job is done."""
    here.service.jobs.get(job_id)
    if EventSourceResponse.media_type in accept:
        return sse.stream(here, job_id, seq_of(job_id, last_event_id, param="Last-Event-ID") or seq_of(job_id, after))
    found = here.service.events.after(job_id, seq_of(job_id, after), limit=limit + 1)
    return shapes.answer(shapes.first(found, limit, shapes.event))


@router.get("/metrics", operation_id="jobs_metrics")
def metrics(job_id: str, here: Here, limit: Limit = 1000, after: Cursor = None) -> schemas.List[schemas.Metrics]:
    """The curves: one row for each time the trainer reported, oldest first."""
    here.service.jobs.get(job_id)
    found = here.service.events.after(job_id, seq_of(job_id, after), limit=limit + 1, types=("metrics",))
    return shapes.first(found, limit, shapes.metrics)


def seq_of(job_id: str, event_id: str | None, *, param: str = "after") -> int:
    """The number of an event of this job; 0 for none. Raises InvalidInput that names the parameter."""
    if event_id is None:
        return 0
    found = re.fullmatch(r"evt_(\w{1,64})_(\d{1,18})", event_id)
    if found is None or found[1] != job_id.removeprefix("job_"):
        raise InvalidInput(
            f'"{event_id}" is no event of job {job_id}; expected the `id` of one of its events', param=param
        )
    return int(found[2])
