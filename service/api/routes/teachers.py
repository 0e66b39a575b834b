"""Teachers: registered with a file, probed by a worker, named by jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from service import schemas
from service.api import idempotency, shapes
from service.api.auth import Me
from service.api.context import Here, Paging
from service.api.imports import importable_file, with_network
from service.api.uploads import BODY, PARTIAL, incomplete, receive
from service.domain import enrolment
from service.domain.errors import NotFound
from service.domain.ports import TeacherFilter
from service.domain.uploads import Partial

router = APIRouter(prefix="/v1/teachers", tags=["teachers"])


@router.post("", operation_id="teachers_create", status_code=201, response_model=schemas.Teacher)
def create(body: schemas.TeacherRequest, request: Request, here: Here, me: Me, key: idempotency.Key = None) -> Response:
    """Register a teacher: a file that the server can read, or one to be sent to `content`. Its probe starts by itself.

    The probe tries the file on labelled images of the dataset, which must be ready; `state` says when it is through.
    """
    service, roots = here.service, here.service.settings.import_roots
    path = importable_file(body.path, roots) if body.path else None
    draft = enrolment.draft_teacher(
        with_network(body.file, roots).model_dump(mode="json"),
        service.datasets.get(body.dataset),
        teacher_id=service.new_id("tch"),
        name=body.name,
        now=service.now(),
        created_by=me.id,
        metadata=body.metadata,
    )
    once = idempotency.once(request, me, key, body)
    stored = enrolment.register(service.teachers, service.artifacts, service.hints, draft, path, once=once)
    return idempotency.created(shapes.teacher(stored), f"{router.prefix}/{stored.id}", replayed=stored.id != draft.id)


@router.put(
    "/{teacher_id}/content",
    operation_id="teachers_upload",
    response_model=schemas.Teacher,
    responses=PARTIAL,
    openapi_extra=BODY,
)
async def upload(teacher_id: str, request: Request, here: Here) -> Response:
    """Send a teacher's file, whole or in pieces. With its last byte the probe starts; content never changes."""
    service = here.service
    await run_in_threadpool(service.teachers.get, teacher_id)
    came = await receive(request, here, teacher_id)
    if isinstance(came, Partial):
        return incomplete(came)
    stores = service.teachers, service.artifacts, service.uploads, service.hints
    return shapes.answer(shapes.teacher(await run_in_threadpool(enrolment.take_in, *stores, teacher_id, came)))


@router.get("", operation_id="teachers_list")
def listing(
    here: Here,
    page: Paging,
    state: Annotated[schemas.TeacherState | None, Query()] = None,
    dataset: Annotated[str | None, Query(max_length=100)] = None,
) -> schemas.List[schemas.Teacher]:
    """Teachers, the newest first."""
    found = here.service.teachers.list(page, TeacherFilter(state, dataset))
    return shapes.listing(found, shapes.teacher, lambda each: each.id)


@router.get("/{teacher_id}", operation_id="teachers_get")
def get(teacher_id: str, here: Here) -> schemas.Teacher:
    """One teacher."""
    return shapes.teacher(here.service.teachers.get(teacher_id))


@router.get("/{teacher_id}/probe", operation_id="teachers_probe")
def probe(teacher_id: str, here: Here) -> schemas.TeacherProbe:
    """What its probe found: every way in which the file was read with its mIoU, the one that is taken, and why."""
    found = shapes.probe(here.service.teachers.get(teacher_id))
    if found is None:
        hint = "There is one once the probe is through; a file that could not be opened has an `error` instead."
        raise NotFound.of("probe of teacher", teacher_id, hint=hint)
    return found


@router.delete("/{teacher_id}", operation_id="teachers_delete", status_code=204)
def delete(teacher_id: str, here: Here) -> None:
    """Forget a teacher. Refused while a job that has not ended learns from it."""
    enrolment.forget(here.service.teachers, here.service.uploads, teacher_id)
