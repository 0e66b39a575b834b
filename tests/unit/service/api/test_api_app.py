"""What runs beside the requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fakes.networks import threshold_onnx
from fakes.records import add_job
from fakes.services import memory_service, publish
from fakes.waiting import wait_for
from starlette.testclient import TestClient

from service.api import create_app
from service.api.app import _every


def test_the_job_of_a_dead_worker_is_taken_back(tmp_path: Path) -> None:
    # also when no worker is left that could do it
    service = memory_service(tmp_path, lease_s=0.02, heartbeat_s=0.01)
    job = add_job(service)
    service.jobs.claim("dead", lease_s=0.02)
    with TestClient(create_app(service)):
        wait_for(lambda: service.jobs.get(job.id).status == "queued", "the reaper")
    assert service.jobs.get(job.id).attempt == 2


def test_an_alias_moved_elsewhere_is_followed(tmp_path: Path) -> None:
    # the worker promotes in its own process, and nobody tells the API
    service = memory_service(tmp_path)
    publish(service, threshold_onnx(1))
    app = create_app(service)
    with TestClient(app):
        live = app.state.context.runtime.live
        assert live.alias("street", "production").version == 1
        publish(service, threshold_onnx(2))
        wait_for(lambda: live.alias("street", "production").version == 2, "the swap")


def test_a_background_task_outlives_its_failures(caplog: pytest.LogCaptureFixture) -> None:
    # one lost connection must not end the reaper for the rest of the process's life
    calls: list[int] = []

    async def scenario() -> None:
        enough = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            calls.append(1)
            if len(calls) == 3:
                loop.call_soon_threadsafe(enough.set)
            raise OSError("the database went away")

        task = asyncio.create_task(_every(0, work))
        await asyncio.wait_for(enough.wait(), timeout=30)
        task.cancel()

    asyncio.run(scenario())
    assert len(calls) >= 3
    assert "the database went away" in caplog.text
