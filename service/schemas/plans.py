"""What a job would do, before it is submitted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.schemas.base import Wire
from service.schemas.datasets import Dataset

Role = Literal["teacher", "control", "student"]


class PlannedNetwork(Wire):
    """One network that a job would train. Figures of the catalog: millions of parameters, and of one 360x480 image."""

    role: Role
    arch: str
    steps: int | None = Field(description="null when `budget_minutes` chooses them")
    params_m: float | None
    gmacs: float | None


class Span(Wire):
    """From `low` to `high`: neither is certain."""

    low: float
    high: float


class JobEstimate(Wire):
    """How long a job will take, and the most memory that its trainer will hold (on a GPU: the GPU's)."""

    seconds: Span
    memory_bytes: Span | None = Field(description="null for a network that no catalog and no job of late knows")
    basis: Literal["measured", "scaled", "catalogue", "budget"] = Field(
        description="what it rests on: jobs of late that did the same; another job's arithmetic a second; nothing but "
        "the catalog; or the budget, which chooses the steps"
    )
    explanation: str = Field(description="the same in words, with the job that was measured")


class JobPlan(Wire):
    """What a job would do: the answer to a dry run."""

    object: Literal["job_plan"] = "job_plan"
    request: dict[str, object] = Field(description="as it was sent, with every default filled in")
    dataset: Dataset
    networks: list[PlannedNetwork]
    budget_minutes: float | None
    estimate: JobEstimate
