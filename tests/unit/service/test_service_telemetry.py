"""Traces, when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.services import memory_service
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service import telemetry
from service.api import create_app


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    telemetry.start("http://localhost:4318", "bpkd-test", processor=SimpleSpanProcessor(exporter))
    yield exporter
    telemetry.stop()


def test_a_request_is_a_span_of_the_callers_trace(spans: InMemorySpanExporter, tmp_path: Path) -> None:
    """What a product waits for must be found in the product's own trace; probes would drown it."""
    app = create_app(memory_service(tmp_path))
    trace = "0af7651916cd43dd8448eb211c80319c"
    with TestClient(app) as api:
        api.get("/v1/version", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
        api.get("/healthz")
    served = [each for each in spans.get_finished_spans() if each.parent and each.parent.is_remote]
    assert [each.name for each in served] == ["GET /v1/version"]
    assert f"{served[0].context.trace_id:032x}" == trace
    assert served[0].resource.attributes["service.name"] == "bpkd-test"
    assert not any("healthz" in each.name for each in spans.get_finished_spans())


def test_a_job_is_a_span_even_if_it_fails(spans: InMemorySpanExporter) -> None:
    """The failed ones are those that are looked for."""
    with pytest.raises(RuntimeError), telemetry.span("train", job_id="job_1"):
        raise RuntimeError("no")
    (span,) = spans.get_finished_spans()
    assert (span.name, span.attributes["job_id"], span.status.is_ok) == ("train", "job_1", False)


def test_without_a_collector_nothing_is_traced() -> None:
    """The default must cost nothing."""
    with telemetry.span("train"):
        assert telemetry._started == []
