"""The application: routes, the edge in front of them, and what runs beside them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.concurrency import run_in_threadpool

from service.api import errors, openapi
from service.api.auth import authenticate
from service.api.context import Context
from service.api.courier import Courier
from service.api.edge import Edge
from service.api.metrics import Metrics
from service.api.routes import (
    aliases,
    catalog,
    datasets,
    imports,
    infer,
    job_events,
    job_files,
    jobs,
    models,
    operations,
    pages,
    predictions,
    teachers,
    webhooks,
)
from service.api.tracing import trace_requests
from service.domain import submission, upkeep
from service.domain.deliveries import KEEP_S
from service.inference import Runtime
from service.settings import MEMORY_URL
from service.wiring import Service

PRIVATE = (
    datasets,
    teachers,
    jobs,
    job_events,
    job_files,
    models,
    imports,
    aliases,
    infer,
    predictions,
    catalog,
    operations,
    webhooks,
)
PUBLIC = (operations.health, pages.router)
REFRESH_S = 1.0
TIDY_S = 60.0
_log = logging.getLogger(__name__)


def create_app(service: Service) -> FastAPI:
    """The whole API over a wired service. Every route but health and the pages asks who calls."""
    runtime = Runtime(service.settings, service.models, service.artifacts, now=service.now, entropy=service.entropy)
    context = Context(service, runtime, Metrics(runtime, service.queue, service.workers))
    app = FastAPI(title="bpkd", version=version("bpkd"), lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.context = context
    app.add_middleware(Edge, settings=service.settings, metrics=context.metrics)
    errors.install(app)
    for module in PRIVATE:
        app.include_router(module.router, dependencies=[Depends(authenticate)])
    for router in PUBLIC:
        app.include_router(router)
    openapi.install(app)
    trace_requests(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    here: Context = app.state.context
    service, live = here.service, here.runtime.live

    def reap() -> None:
        for moved in submission.reap(service.jobs, service.datasets, service.teachers, service.hints):
            here.metrics.count_takeover()
            _log.warning("%s was taken back from a worker that is gone", moved)

    def warm_up() -> None:
        try:
            live.warm()
        finally:
            here.warm.set()

    tasks = [
        asyncio.create_task(_try(warm_up)),
        asyncio.create_task(Courier(service.webhooks, service.outgoing, service.now).run()),
        asyncio.create_task(_every(service.settings.heartbeat_s, reap)),
        asyncio.create_task(_every(REFRESH_S, live.refresh)),
        asyncio.create_task(_every(TIDY_S, partial(_tidy, service))),
    ]
    yield
    here.stopping.set()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await run_in_threadpool(here.runtime.pool.close)


def _tidy(service: Service) -> None:
    """Clear up dead uploads and old deliveries; the rest if it is due and nobody else does.

    Records in memory know no earlier files.
    """
    service.uploads.sweep(service.now())
    service.webhooks.sweep(kept_s=KEEP_S)
    if service.settings.database == MEMORY_URL:
        return
    settings = service.settings
    rules = upkeep.Rules(settings.tidy_every_s, settings.garbage_grace_s, settings.events_per_job)
    done = upkeep.tidy(service.upkeep, service.artifacts, service.now, rules)
    if done is not None:
        _log.info("Cleared up: %s", done)


async def _every(seconds: float, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await _try(work)


async def _try(work: Callable[[], None]) -> None:
    """Do something beside the requests; a failure is told, and ends nothing."""
    try:
        await run_in_threadpool(work)
    except Exception:
        _log.exception("A background task failed")
