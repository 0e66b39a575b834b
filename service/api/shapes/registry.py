"""The registry and the catalogue in the shape of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from bpkd_core.catalog import MODELS, Plugin
from service import schemas
from service.domain import models


def model(value: models.Model, aliases: Sequence[models.Alias]) -> schemas.Model:
    """A model and where its aliases point."""
    return schemas.Model(
        name=value.name,
        latest_version=value.latest,
        aliases={each.alias: each.version for each in aliases},
        created_at=value.created_at,
    )


def version(value: models.Version) -> schemas.Version:
    """One version; its measurements are at `/report`."""
    return schemas.Version(
        model=value.model,
        version=value.version,
        job=value.job_id,
        dataset_sha256=value.dataset_sha256,
        onnx=value.files["student.onnx"],
        files=dict(value.files),
        classes=list(value.classes),
        provenance=dict(value.provenance),
        created_at=value.created_at,
    )


def alias(value: models.Alias) -> schemas.Alias:
    """Where an alias points."""
    return schemas.Alias.model_validate(asdict(value))


def move(value: models.AliasMove) -> schemas.AliasMove:
    """One line of an alias's history."""
    return schemas.AliasMove.model_validate(asdict(value))


def student(name: str) -> schemas.CatalogStudent:
    """A network by its name in the catalog; of one from another package only the name is known."""
    plugin = MODELS.get(name, Plugin(target="", title=name, licence="see its package"))
    return schemas.CatalogStudent(
        name=name,
        title=plugin.title,
        paper=plugin.paper,
        licence=plugin.licence,
        stride=plugin.stride,
        params_m=plugin.params_m,
        gmacs=plugin.gmacs,
    )
