"""Where a mask comes from, read from its prediction's id."""

from __future__ import annotations

from fastapi import APIRouter

from service import schemas
from service.api import shapes
from service.api.context import Here
from service.domain import lineage

router = APIRouter(prefix="/v1/predictions", tags=["inference"])


@router.get("/{prediction_id}", operation_id="predictions_get")
def get(prediction_id: str, here: Here) -> schemas.Lineage:
    """Which version made a mask, when, for which request, and from which job, data and teacher it comes.

    The id is the `X-Prediction-Id` of the answer. It is signed: one that was made up, or whose version was deleted, is
    not found.
    """
    return shapes.lineage(prediction_id, *lineage.trace(here.service.models, prediction_id))
