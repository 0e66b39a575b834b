"""Traces for OpenTelemetry, with the optional extra `otel`: a span for each request, and one for each job.

Nothing is imported, and a span costs nothing, until :func:`start` is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from bpkd_core.errors import MissingExtra

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

_started: list[TracerProvider] = []


def start(endpoint: str | None, name: str, *, processor: SpanProcessor | None = None) -> None:
    """Send what this process does to a collector, in the background. Raises MissingExtra.

    endpoint: the collector's for OTLP over HTTP, such as http://localhost:4318; None to trace nothing. name: bpkd-api,
    say. processor: where spans go in its place.
    """
    if endpoint is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise MissingExtra(
            "Traces need OpenTelemetry, which is not installed; expected: pip install 'bpkd[otel]'"
        ) from error
    new = TracerProvider(resource=Resource.create({"service.name": name, "service.version": version("bpkd")}))
    exporter = processor or BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces"))
    new.add_span_processor(exporter)
    _started.append(new)


def stop() -> None:
    """Send what waits, and end."""
    while _started:
        _started.pop().shutdown()


def provider() -> TracerProvider | None:
    """Where spans begin; None while nothing is traced."""
    return _started[-1] if _started else None


@contextmanager
def span(name: str, **facts: str) -> Iterator[None]:
    """A span over a block."""
    traced = provider()
    if traced is None:
        yield
        return
    with traced.get_tracer("bpkd").start_as_current_span(name, attributes=facts):
        yield
