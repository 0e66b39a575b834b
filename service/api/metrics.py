"""The counters behind `/metrics`, in Prometheus' text format. Labels are route templates, never what a caller sent."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from service.inference import Runtime

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """One registry per application, so that two applications in a process do not share counters."""

    def __init__(self, runtime: Runtime) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("bpkd_http_requests", "Requests answered", labels, registry=registry)
        self._seconds = Histogram(
            "bpkd_http_request_seconds", "Time to the answer's end", ("route",), buckets=_SECONDS, registry=registry
        )
        self._stages = Histogram(
            "bpkd_inference_seconds", "Time in each stage of a mask", ("stage",), buckets=_SECONDS, registry=registry
        )
        admitted = Gauge("bpkd_inference_admitted", "Images worked on or waiting", registry=registry)
        admitted.set_function(lambda: runtime.pool.admitted)
        loaded = Gauge("bpkd_models_loaded", "Versions in memory", registry=registry)
        loaded.set_function(lambda: runtime.live.count)

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_prediction(self, seconds: Mapping[str, float]) -> None:
        """One mask was made. seconds: stage -> time."""
        for stage, value in seconds.items():
            self._stages.labels(stage).observe(value)

    def text(self) -> bytes:
        """All counters, as Prometheus reads them."""
        return generate_latest(self._registry)
