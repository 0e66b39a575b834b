"""The registry and the catalogue in the shape of the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from bpkd_core.catalog import MODELS, Plugin
from service import schemas
from service.domain import models
from service.domain.predictions import Trace


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
        gates=[schemas.GateOutcome(**asdict(gate), passed=gate.passed) for gate in value.gates],
        created_at=value.created_at,
        created_by=value.created_by,
    )


def alias(value: models.Alias) -> schemas.Alias:
    """Where an alias points."""
    return schemas.Alias.model_validate(asdict(value))


def move(value: models.AliasMove) -> schemas.AliasMove:
    """One line of an alias's history."""
    return schemas.AliasMove.model_validate(asdict(value))


def lineage(name: str, trace: Trace, version: models.Version) -> schemas.Lineage:
    """Who made a mask. name: the prediction's id."""
    return schemas.Lineage(
        id=name,
        at=trace.at,
        request_id=trace.request_id,
        model=version.model,
        version=version.version,
        onnx_sha256=version.onnx_sha256,
        job=version.job_id,
        dataset_sha256=version.dataset_sha256,
        teacher_sha256=version.provenance.get("teacher_sha256"),
    )


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
