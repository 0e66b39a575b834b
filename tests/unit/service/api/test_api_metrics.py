"""What Prometheus is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.records import add_job
from fakes.services import memory_service, publish
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from bpkd_core.infer.png import encode_png
from service.api import create_app
from service.domain.errors import Unavailable
from service.domain.ports import Census
from service.wiring import Service


def scrape(api: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels, read as Prometheus reads it."""
    families = text_string_to_metric_families(api.get("/metrics").text)
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(api: TestClient, name: str, **labels: str) -> float:
    return scrape(api)[name, frozenset(labels.items())]


def test_the_queue_is_seen_without_a_job_being_touched(api: TestClient, service: Service) -> None:
    """Depth and age are what a pool of workers is scaled by."""
    assert value(api, "bpkd_jobs", status="queued") == 0
    add_job(service)
    assert value(api, "bpkd_jobs", status="queued") == 1
    assert value(api, "bpkd_queue_oldest_seconds") >= 0
    queue = api.get("/v1/queue").json()
    assert (queue["queued"], queue["running"], queue["workers"]) == (1, 0, 0)


def test_a_store_that_is_away_silences_the_queue_and_nothing_else(tmp_path: Path) -> None:
    """A zero would say that nothing waits, just when nobody knows."""

    class Away:
        def census(self) -> Census:
            raise Unavailable("The database does not answer")

    with TestClient(create_app(replace(memory_service(tmp_path), queue=Away()))) as api:
        names = {name for name, _ in scrape(api)}
    assert "bpkd_jobs" not in names
    assert "bpkd_models_loaded" in names


def test_masks_are_timed_by_model_and_provider(api: TestClient, service: Service) -> None:
    """One slow model, or one that fell to the processor, must not hide in an average."""
    publish(service)
    image = encode_png(np.zeros((4, 6), np.uint8), [(0, 0, 0)])
    assert api.post("/v1/models/street/infer", content=image).status_code == 200
    labels = {"model": "street", "provider": "CPUExecutionProvider"}
    for stage in ("queue", "decode", "infer", "encode"):
        assert value(api, "bpkd_inference_seconds_count", stage=stage, **labels) == 1
    assert value(api, "bpkd_inference_batch_images_sum", model="street") == 1
    assert value(api, "bpkd_models_loaded") == 1


@pytest.mark.parametrize("name", ["../../etc", "street%0aforged 1"])
def test_what_a_caller_sends_is_no_label(api: TestClient, name: str) -> None:
    """Labels of a caller's making would fill the memory of whoever scrapes."""
    api.post(f"/v1/models/{name}/infer", content=b"x")
    assert "etc" not in api.get("/metrics").text
    assert "forged" not in api.get("/metrics").text
