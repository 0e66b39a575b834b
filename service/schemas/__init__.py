"""The wire format of `/v1`: what goes in and what comes out, for the API and for its client.

Requests refuse unknown fields; answers tolerate them, so that an old client reads a new server. Every object names its
kind in `object`; ids are prefixed and sort by time; times are RFC 3339 in UTC.
"""

from __future__ import annotations

from bpkd_core.spec import LabelSource
from service.schemas.base import (
    DEFAULT_ALIAS,
    NAME_PATTERN,
    Blame,
    Failure,
    Fraction,
    Label,
    List,
    Metadata,
    MetadataKey,
    MetadataValue,
    Name,
    Problem,
    Reason,
    T,
    Wire,
)
from service.schemas.datasets import Dataset, DatasetId, DatasetRequest, DatasetState
from service.schemas.jobs import (
    Event,
    EventType,
    File,
    Gates,
    Job,
    JobPlan,
    JobProgress,
    JobRequest,
    JobStage,
    JobStatus,
    Metrics,
    PlannedNetwork,
    Register,
    Role,
)
from service.schemas.operations import Health, ServerVersion, Worker
from service.schemas.registry import (
    Alias,
    AliasMove,
    AliasRequest,
    CatalogStudent,
    ClassArea,
    Model,
    Prediction,
    RollbackRequest,
    Version,
)
from service.schemas.uploads import Upload

__all__ = [
    "DEFAULT_ALIAS",
    "NAME_PATTERN",
    "Alias",
    "AliasMove",
    "AliasRequest",
    "Blame",
    "CatalogStudent",
    "ClassArea",
    "Dataset",
    "DatasetId",
    "DatasetRequest",
    "DatasetState",
    "Event",
    "EventType",
    "Failure",
    "File",
    "Fraction",
    "Gates",
    "Health",
    "Job",
    "JobPlan",
    "JobProgress",
    "JobRequest",
    "JobStage",
    "JobStatus",
    "Label",
    "LabelSource",
    "List",
    "Metadata",
    "MetadataKey",
    "MetadataValue",
    "Metrics",
    "Model",
    "Name",
    "PlannedNetwork",
    "Prediction",
    "Problem",
    "Reason",
    "Register",
    "Role",
    "RollbackRequest",
    "ServerVersion",
    "T",
    "Upload",
    "Version",
    "Wire",
    "Worker",
]
