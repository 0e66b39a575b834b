"""Many clients at once, over HTTP, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import pytest
from fakes.records import add_ready_dataset
from fakes.servers import serving

from service.domain.ports import Page
from service.settings import read_settings
from service.wiring import Service, wire

CLIENTS = 100


@pytest.fixture
def service(sql_url: str, tmp_path: Path) -> Iterator[Service]:
    service = wire(read_settings(home=tmp_path, database_url=sql_url))
    yield service
    service.close()


def test_a_hundred_parallel_submits_with_one_key_make_one_job(service: Service) -> None:
    """F44: a retry storm of impatient clients is one job, and each of them learns its id."""
    body = {"dataset": add_ready_dataset(service).id, "student": {"arch": "ddrnet_23_nano"}}
    barrier = Barrier(CLIENTS)
    limits = httpx.Limits(max_connections=CLIENTS)
    with serving(service) as url, httpx.Client(base_url=url, limits=limits, timeout=60) as http:

        def submit(_number: int) -> httpx.Response:
            barrier.wait(timeout=60)
            return http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "storm"})

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(submit, range(CLIENTS)))
    assert {each.status_code for each in answers} == {201}
    (made,) = {each.json()["id"] for each in answers}
    assert sum("idempotency-replayed" not in each.headers for each in answers) == 1
    assert [job.id for job in service.jobs.list(Page()).data] == [made]
