"""A worker's counters, in Prometheus' text format. A worker is a process of its own, and they are the process's."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from bpkd_core.events import Event

_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600)

stages = Histogram("bpkd_job_stage_seconds", "Time that a stage of a job took", ("stage",), buckets=_SECONDS)
pace = Gauge("bpkd_job_images_per_s", "Images a second in the stage that trains now; 0 after it", ("stage",))
takeovers = Counter("bpkd_lease_takeovers", "Jobs, datasets and teachers taken back from workers that are gone")


def serve(host: str, port: int) -> None:
    """Answer scrapes, in a thread that ends with the process. Raises OSError for a port that is taken."""
    start_http_server(port, host)


def hear(event: Event) -> None:
    """Count what a trainer says about itself."""
    stage = str(event.data.get("stage"))
    if event.type == "stage" and event.data.get("state") == "finished":
        stages.labels(stage).observe(float(event.data.get("duration_s") or 0))
        pace.labels(stage).set(0)
    elif event.type == "metrics" and event.data.get("images_per_s"):
        pace.labels(stage).set(float(event.data["images_per_s"]))
