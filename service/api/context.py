"""What a route needs, as FastAPI dependencies: the service, the inference runtime, the page of a list."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import BoundedSemaphore, Event
from typing import Annotated, Literal

from fastapi import Depends, Query
from starlette.requests import Request

from service.api.metrics import Metrics
from service.domain.errors import Busy
from service.domain.ports import Page
from service.inference import Runtime
from service.wiring import Service

TRIALS = 2
"""How many files of strangers are tried at once."""


@dataclass(frozen=True)
class Context:
    """One application's parts. warm: the served models are loaded. stopping: no new requests are wanted.

    trials: room to try files of strangers.
    """

    service: Service
    runtime: Runtime
    metrics: Metrics
    warm: Event = field(default_factory=Event)
    stopping: Event = field(default_factory=Event)
    trials: BoundedSemaphore = field(default_factory=partial(BoundedSemaphore, TRIALS))

    @contextmanager
    def trial(self) -> Generator[None]:
        """Room to try a stranger's file, which takes memory. Raises Busy while there is none."""
        if not self.trials.acquire(blocking=False):
            raise Busy(f"{TRIALS} files are being tried now; send this one again in a few seconds", retry_after_s=5)
        try:
            yield
        finally:
            self.trials.release()


def context(request: Request) -> Context:
    """The parts of the application that answers a request."""
    return request.app.state.context


def page(
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[
        str | None, Query(min_length=1, max_length=100, description="`last_id` of the page before")
    ] = None,
    order: Literal["asc", "desc"] = "desc",
) -> Page:
    """Which part of a list is wanted."""
    return Page(limit, after, order)


Here = Annotated[Context, Depends(context)]
Paging = Annotated[Page, Depends(page)]
