"""Health, catalog, workers, the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import onnxruntime
import pytest
from fakes.services import memory_service, publish
from fastapi.testclient import TestClient
from pydantic import TypeAdapter

from bpkd_core.bundle import FileInfo, Result
from bpkd_core.catalog import MODELS
from service import schemas
from service.api import create_app, openapi
from service.api.__main__ import openapi_text
from service.api.examples import BY_OPERATION, BY_SCHEMA
from service.domain import jobs, models, workers
from service.domain.errors import StorageFull, Unavailable
from service.domain.workers import Worker
from service.wiring import Service

GOLDEN = Path(__file__).parents[3] / "golden" / "openapi.json"


def test_ready_only_after_warm_up_and_until_the_stop(service: Service) -> None:
    # a load balancer sends requests only where they will be answered quickly
    publish(service)
    app = create_app(service)
    cold = TestClient(app)
    assert (cold.get("/healthz").status_code, cold.get("/readyz").status_code) == (200, 503)
    with TestClient(app) as api:
        assert app.state.context.warm.wait(timeout=60)
        assert api.get("/readyz").json() == {"object": "health", "status": "ok"}
        assert app.state.context.runtime.live.count == 1
        app.state.context.stopping.set()
        assert api.get("/readyz").status_code == 503


def test_not_ready_while_the_store_is_away(tmp_path: Path) -> None:
    # alive is not ready: restarting the API would not bring the database back
    def away() -> None:
        raise Unavailable("The database does not answer")

    app = create_app(replace(memory_service(tmp_path), ping=away))
    with TestClient(app) as api:
        assert app.state.context.warm.wait(timeout=60)
        answer = api.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert api.get("/healthz").status_code == 200


def test_not_ready_where_files_cannot_be_stored(tmp_path: Path) -> None:
    # a job that is taken now would end in an error hours later
    class Full:
        def keep_bytes(self, data: bytes) -> FileInfo:
            raise StorageFull("No room is left for artifacts; free some space on their disk")

    app = create_app(replace(memory_service(tmp_path), artifacts=Full()))
    with TestClient(app) as api:
        assert app.state.context.warm.wait(timeout=60)
        answer = api.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")


def test_not_ready_on_another_provider_than_was_promised(tmp_path: Path) -> None:
    # onnxruntime falls back to the processor without a word, ten times as slow
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        expected = "instead of CUDAExecutionProvider"  # built in, but without a driver
    else:
        expected = "CUDAExecutionProvider was asked for"
    app = create_app(memory_service(tmp_path, infer_provider="cuda"))
    with TestClient(app) as api:
        assert app.state.context.warm.wait(timeout=60)
        answer = api.get("/readyz")
        assert answer.status_code == 503
        assert expected in answer.json()["detail"]


def test_the_catalog_lists_every_network_without_torch(api: TestClient) -> None:
    # what can be named in a job
    students = api.get("/v1/students").json()["data"]
    assert {each["name"] for each in students} == set(MODELS)
    sizes = [each["params_m"] or 0.0 for each in students]
    assert sizes == sorted(sizes)


def test_the_job_schema_knows_the_defaults(api: TestClient) -> None:
    # a form can be built from it
    schema = api.get("/v1/job-schema").json()
    assert schema["$defs"]["Train"]["properties"]["steps"]["default"] == 80_000
    assert schema["required"] == ["dataset", "student"]


def test_workers_that_live_are_listed(api: TestClient, service: Service) -> None:
    # nobody works: that is the first question when a job stays queued
    now = service.now()
    service.workers.beat(Worker("w1", "host", 7, "0.1.0", now, now, ("job_1",)))
    (worker,) = api.get("/v1/workers").json()["data"]
    assert (worker["id"], worker["pid"], worker["holds"]) == ("w1", 7, ["job_1"])


def test_the_document_is_the_golden_one(golden: Callable[[Path, str], None]) -> None:
    # a change of the surface must show in the diff; `make golden` writes the file anew
    golden(GOLDEN, openapi_text())


def test_every_operation_has_an_id_examples_and_a_problem(api: TestClient) -> None:
    # generated clients need names, and people need something to look at
    document = api.get("/openapi.json").json()
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["operationId"]
            assert operation["tags"]
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            for answer in operation["responses"].values():
                for media_type, content in answer.get("content", {}).items():
                    assert "example" in content or not media_type.endswith("json"), operation["operationId"]


@pytest.mark.parametrize("name", sorted(BY_SCHEMA))
def test_each_example_is_what_its_schema_says(name: str) -> None:
    # an example that would not parse teaches the wrong thing; and it shows every field
    kind = Result if name == "Result" else getattr(schemas, name)
    assert TypeAdapter(kind).validate_python(BY_SCHEMA[name])
    assert set(BY_SCHEMA[name]) == set(kind.model_fields)


def test_no_example_is_left_over(api: TestClient) -> None:
    # examples of what is gone would never be noticed
    document = api.get("/openapi.json").json()
    assert set(BY_SCHEMA) <= set(document["components"]["schemas"])
    operations = {each["operationId"] for methods in document["paths"].values() for each in methods.values()}
    assert set(BY_OPERATION) <= operations


def test_the_example_of_a_list_is_a_list_of_one() -> None:
    # lists are described once, for every kind
    example = openapi.example_of("List_Job_")
    assert schemas.List[schemas.Job].model_validate(example).data[0].id == example["last_id"]


def test_no_field_of_the_records_is_forgotten_on_the_wire() -> None:
    # shapes copy by name: a new field of the domain must be shown, or left out on purpose
    pairs = [
        (jobs.Progress, schemas.JobProgress),
        (jobs.StageState, schemas.JobStage),
        (models.Alias, schemas.Alias),
        (models.AliasMove, schemas.AliasMove),
        (workers.Worker, schemas.Worker),
    ]
    for record, wire in pairs:
        assert {each.name for each in fields(record)} == set(wire.model_fields) - {"object"}
