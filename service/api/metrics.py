"""What `/metrics` says, in Prometheus' text format. Labels are route templates, never what a caller sent.

The queue is read from the store when it is scraped, so every replica says the same of it: take the maximum over them.
The rest each process counts for itself: sum it. Workers count their stages in :mod:`worker.meters`.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from service.domain.errors import Unavailable
from service.domain.ports import Queue, Workers
from service.inference import Reply, Runtime

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_IMAGES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """One registry per application, so that two applications in a process do not share counters."""

    def __init__(self, runtime: Runtime, queue: Queue, workers: Workers) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter("bpkd_http_requests", "Requests answered", labels, registry=registry)
        self._seconds = Histogram(
            "bpkd_http_request_seconds", "Time to the answer's end", ("route",), buckets=_SECONDS, registry=registry
        )
        self._stages = Histogram(
            "bpkd_inference_seconds",
            "Time in each stage of a mask",
            ("stage", "model", "provider"),
            buckets=_SECONDS,
            registry=registry,
        )
        self._images = Histogram(
            "bpkd_inference_batch_images",
            "Images in one run of a network",
            ("model",),
            buckets=_IMAGES,
            registry=registry,
        )
        self._takeovers = Counter(
            "bpkd_lease_takeovers",
            "Jobs, datasets and teachers taken back from workers that are gone",
            registry=registry,
        )
        admitted = Gauge("bpkd_inference_admitted", "Images worked on or waiting", registry=registry)
        admitted.set_function(lambda: runtime.pool.admitted)
        loaded = Gauge("bpkd_models_loaded", "Versions in memory", registry=registry)
        loaded.set_function(lambda: runtime.live.count)
        registry.register(_Backlog(queue, workers))

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_prediction(self, reply: Reply, *, images: int = 1) -> None:
        """Masks were made. images: how many in one run of the network."""
        model = reply.tag.partition("@")[0]
        self._images.labels(model).observe(images)
        for stage, value in reply.seconds.items():
            self._stages.labels(stage, model, reply.provider).observe(value)

    def count_takeover(self) -> None:
        """Something was taken back from a worker that is gone."""
        self._takeovers.inc()

    def text(self) -> bytes:
        """All counters, as Prometheus reads them."""
        return generate_latest(self._registry)


class _Backlog(Collector):
    """The queue as gauges; nothing while the store is away, because a wrong zero would silence an alarm."""

    def __init__(self, queue: Queue, workers: Workers) -> None:
        self._queue = queue
        self._workers = workers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Ask the store."""
        try:
            census, workers = self._queue.census(), self._workers.list()
        except Unavailable:
            return
        jobs = GaugeMetricFamily("bpkd_jobs", "Jobs by status", labels=("status",))
        for status in ("queued", "running", "succeeded", "failed", "cancelled"):
            jobs.add_metric((status,), census.jobs.get(status, 0))
        yield jobs
        yield GaugeMetricFamily("bpkd_queue_oldest_seconds", "Age of the oldest queued job", value=census.oldest_s or 0)
        yield GaugeMetricFamily("bpkd_workers", "Workers seen in the last minute", value=len(workers))

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: registering must not ask the store."""
        return iter(())
