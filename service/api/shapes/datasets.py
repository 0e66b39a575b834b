"""Datasets in the shape of the wire."""

from __future__ import annotations

from service import schemas
from service.api.shapes.base import whole
from service.domain import datasets


def dataset(value: datasets.Dataset) -> schemas.Dataset:
    """A dataset without its report."""
    return schemas.Dataset(
        id=value.id,
        name=value.name,
        path=None if value.uploaded else value.path,
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


def samples(value: datasets.Dataset) -> schemas.List[schemas.DatasetSample]:
    """The pictures of a dataset, by number."""
    found = [
        schemas.DatasetSample(
            number=number,
            name=each.name,
            split=each.split,
            sha256=each.file.sha256,
            size=each.file.size,
            url=f"/v1/datasets/{value.id}/samples/{number}",
        )
        for number, each in enumerate(value.samples)
    ]
    return whole(found, [str(each.number) for each in found])
