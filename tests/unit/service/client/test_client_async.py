"""The client with `await`, against a real server; that the one without says the same has a test of its own."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from fakes.networks import threshold_onnx
from fakes.records import add_dataset, add_job
from fakes.servers import serving
from fakes.services import memory_service
from PIL import Image

from service.client import AsyncClient, Client, RequestFailed
from service.client.aio.transport import PAGE
from service.domain.submission import cancel
from service.wiring import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home", import_roots=(tmp_path,))


def picture() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 6, 3), 200, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_model_is_imported_promoted_asked_and_traced_without_blocking(service: Service, tmp_path: Path) -> None:
    # eight masks at once from one loop, as a web application asks for them
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    told: list[tuple[int, int]] = []

    async def walk(url: str) -> None:
        async with AsyncClient(url) as client:
            version = await client.models.import_file(
                "street", tmp_path / "student.onnx", progress=lambda done, total: told.append((done, total))
            )
            alias = await client.models.promote("street", version.version, expected_revision=0)
            assert (alias.version, alias.revision) == (1, 1)
            with pytest.raises(RequestFailed) as caught:
                await client.models.promote("street", 1, expected_revision=0)
            assert caught.value.problem.status == 412
            masks = await asyncio.gather(*(client.models.infer("street", picture()) for _ in range(8)))
            assert all((mask.ids == 1).all() for mask in masks)
            assert (await client.models.trace(masks[0].prediction_id)).version == 1
            assert (await client.models.download("street", 1, tmp_path / "copy.onnx")).read_bytes() == threshold_onnx()
            assert [model.name async for model in client.models.iterate()] == ["street"]

    with serving(service) as url:
        asyncio.run(walk(url))
    assert told[-1] == (len(threshold_onnx()), len(threshold_onnx()))


def test_a_job_is_followed_to_its_end(service: Service) -> None:
    # two jobs side by side in one loop, which a thread each would cost otherwise
    jobs = [add_job(service) for _ in range(2)]
    for job in jobs:
        cancel(service.jobs, job.id)

    async def follow(url: str) -> list[list[str]]:
        async with AsyncClient(url) as client:

            async def types(job_id: str) -> list[str]:
                return [event.type async for event in client.jobs.follow(job_id)]

            assert (await client.jobs.wait(jobs[0].id)).status == "cancelled"
            return await asyncio.gather(*(types(job.id) for job in jobs))

    with serving(service) as url:
        assert asyncio.run(follow(url)) == [["status", "status", "done"]] * 2


def test_everything_is_iterated_over_page_by_page(service: Service) -> None:
    # no record twice, none missing, however many there are
    ids = [add_dataset(service).id for _ in range(PAGE + 1)]

    async def every(url: str) -> list[str]:
        async with AsyncClient(url) as client:
            return [dataset.id async for dataset in client.datasets.iterate()]

    with serving(service) as url, Client(url) as client:
        assert sorted(asyncio.run(every(url))) == sorted(dataset.id for dataset in client.datasets.iterate())
        assert sorted(ids) == sorted(dataset.id for dataset in client.datasets.iterate(state="validating"))
