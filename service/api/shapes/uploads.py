"""Uploads in the shape of the wire."""

from __future__ import annotations

from service import schemas
from service.domain.uploads import Partial


def upload(value: Partial) -> schemas.Upload:
    """How far an upload has come."""
    return schemas.Upload(offset=value.held, total=value.total)
