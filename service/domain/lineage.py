"""From a served mask back to the version that made it."""

from __future__ import annotations

from service.domain.errors import NotFound
from service.domain.models import Version
from service.domain.ports import Models
from service.domain.predictions import Trace

HINT = "It is the X-Prediction-Id of an answer; ids of versions that were deleted lead nowhere."


def trace(models: Models, prediction_id: str) -> tuple[Trace, Version]:
    """What an id says and the version that signed it. Raises NotFound."""
    found = Trace.read(prediction_id)
    for version in models.sealed(found.mark) if found is not None else ():
        if found is not None and version.seal is not None and found.is_of(version.seal):
            return found, version
    raise NotFound.of("prediction", prediction_id[:100], hint=HINT)
