"""One example of each answer, for the OpenAPI document. A test reads each back through its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples import datasets, jobs, operations, registry, teachers, uploads, webhooks
from service.api.examples.base import PROBLEM

BY_SCHEMA: Mapping[str, Any] = {
    **datasets.BY_SCHEMA,
    **jobs.BY_SCHEMA,
    **registry.BY_SCHEMA,
    **teachers.BY_SCHEMA,
    **operations.BY_SCHEMA,
    **uploads.BY_SCHEMA,
    **webhooks.BY_SCHEMA,
    "Problem": PROBLEM,
}
"""Schema -> an answer as it travels."""

BY_OPERATION: Mapping[str, Any] = {
    "job_schema": {"title": "JobRequest", "type": "object"},
}
"""Operation -> an answer that has no schema of its own."""
