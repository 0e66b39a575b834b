"""Datasets in the shape of the wire."""

from __future__ import annotations

from service import schemas
from service.domain import datasets


def dataset(value: datasets.Dataset) -> schemas.Dataset:
    """A dataset without its report."""
    return schemas.Dataset(
        id=value.id,
        name=value.name,
        path=value.path,
        layout=value.layout,
        labels=value.labels,
        state=value.state,
        sha256=value.sha256,
        classes=list(value.classes),
        splits=dict(value.splits),
        error=schemas.Failure.model_validate(value.error) if value.error else None,
        created_at=value.created_at,
        checked_at=value.checked_at,
        metadata=dict(value.metadata),
    )
