"""What can be named in a job."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from bpkd_core.catalog import MODELS
from service import schemas
from service.api import shapes

router = APIRouter(prefix="/v1", tags=["catalog"])


@router.get("/students", operation_id="students_list")
async def students() -> schemas.List[schemas.CatalogStudent]:
    """Networks that can be a student, the smallest first."""
    names = sorted(MODELS, key=lambda name: (MODELS[name].params_m or 0.0, name))
    return shapes.whole([shapes.student(name, MODELS[name]) for name in names], names)


@router.get("/job-schema", operation_id="job_schema")
async def job_schema() -> dict[str, Any]:
    """The JSON Schema of a job, with every default."""
    return schemas.JobRequest.model_json_schema(by_alias=True)
