"""A span for each request, where traces are asked for."""

from __future__ import annotations

from fastapi import FastAPI

from service import telemetry

UNTRACED = "healthz,readyz,metrics"


def trace_requests(app: FastAPI) -> None:
    """Name spans by route; the caller's trace goes on in them. Probes and scrapes are left out."""
    if (provider := telemetry.provider()) is not None:
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls=UNTRACED)
