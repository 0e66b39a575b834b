"""What can be named in a job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from bpkd_core import catalog
from service import schemas
from service.api import shapes

router = APIRouter(prefix="/v1", tags=["catalog"])


@router.get("/students", operation_id="students_list")
async def students() -> schemas.List[schemas.CatalogStudent]:
    """Networks that can be a student, the smallest first."""
    students = sorted(map(shapes.student, catalog.names("models")), key=lambda each: (each.params_m or 0.0, each.name))
    return shapes.whole(students, [each.name for each in students])


@router.get("/job-schema", operation_id="job_schema")
async def job_schema() -> dict[str, Any]:
    """The JSON Schema of a job, with every default."""
    return schemas.JobRequest.model_json_schema(by_alias=True)
