"""What a worker counts."""

from __future__ import annotations

import socket
from urllib.request import urlopen

from prometheus_client import REGISTRY

from bpkd_core.events import Event
from worker import meters


def value(name: str, stage: str) -> float:
    return REGISTRY.get_sample_value(name, {"stage": stage}) or 0.0


def test_a_finished_stage_is_timed_and_its_pace_ends() -> None:
    """A pace that stayed would show a worker that trains for ever."""
    before = value("bpkd_job_stage_seconds_sum", "training_student")
    meters.hear(Event("stage", {"stage": "training_student", "state": "started"}))
    meters.hear(Event("metrics", {"stage": "training_student", "images_per_s": 42.0, "values": {}}))
    assert value("bpkd_job_images_per_s", "training_student") == 42
    meters.hear(Event("stage", {"stage": "training_student", "state": "finished", "duration_s": 12.5}))
    assert value("bpkd_job_stage_seconds_sum", "training_student") - before == 12.5
    assert value("bpkd_job_images_per_s", "training_student") == 0


def test_the_counters_are_served() -> None:
    """Prometheus asks each worker itself."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    meters.serve("127.0.0.1", port)
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert b"bpkd_lease_takeovers_total" in answer.read()
