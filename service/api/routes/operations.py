"""What an operator asks: is it alive, is it ready, who works, what runs here."""

from __future__ import annotations

from importlib.metadata import version as version_of

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from bpkd_core.infer import contract
from service import schemas
from service.api import shapes
from service.api.context import Here
from service.api.readiness import require_ready

health = APIRouter(tags=["operations"])
router = APIRouter(tags=["operations"])


@health.get("/healthz", operation_id="healthz")
async def healthz() -> schemas.Health:
    """The process lives. Asks nobody else, so that a slow database does not get it killed."""
    return schemas.Health()


@health.get("/readyz", operation_id="readyz")
def readyz(here: Here) -> schemas.Health:
    """Requests are welcome: models are warm, on what they shall run on; the database is there and up to date; files
    can be stored.
    """
    require_ready(here)
    return schemas.Health()


@router.get("/v1/version", operation_id="version")
async def version() -> schemas.ServerVersion:
    """What runs here, and which ONNX contract it serves."""
    return schemas.ServerVersion(version=version_of("bpkd"), onnx_contract=contract.VERSION)


@router.get("/v1/workers", operation_id="workers_list")
def workers(here: Here) -> schemas.List[schemas.Worker]:
    """The workers that were seen in the last minute."""
    found = here.service.workers.list()
    return shapes.whole([shapes.worker(each) for each in found], [each.id for each in found])


@router.get("/v1/queue", operation_id="queue")
def queue(here: Here) -> schemas.Queue:
    """How much waits, for how long, and for whom."""
    return shapes.queue(here.service.queue.census(), len(here.service.workers.list()))


@router.get("/metrics", operation_id="metrics", response_class=Response)
def metrics(here: Here) -> Response:
    """Counters in Prometheus' text format."""
    return Response(here.metrics.text(), media_type=CONTENT_TYPE_LATEST)
