"""Trackers of runs that a team has already: a job's parameters and metrics are mirrored there.

::

    relay ──event──> mirror ──queue──> thread ──> sink: MLflow, TensorBoard

A mirror never waits for its sink and never fails: a tracker that is down costs its own copy, and the job one warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from service.domain.jobs import Job
from service.settings import Settings
from worker.sinks.base import OpenSink
from worker.sinks.mirror import Mirror, Mirrors, run_of

__all__ = ["Mirrors", "OpenSink", "mirrored", "sinks_of"]


def sinks_of(settings: Settings) -> dict[str, OpenSink]:
    """The sinks that are set, by name. Their libraries are imported when the first job is mirrored."""
    sinks: dict[str, OpenSink] = {}
    if settings.mlflow_tracking_uri is not None:
        from worker.sinks.mlflow import mlflow_sink

        sinks["MLflow"] = mlflow_sink(settings.mlflow_tracking_uri)
    if settings.tensorboard_dir is not None:
        from worker.sinks.tensorboard import tensorboard_sink

        sinks["TensorBoard"] = tensorboard_sink(settings.tensorboard_dir)
    return sinks


@contextmanager
def mirrored(sinks: Mapping[str, OpenSink], job: Job) -> Iterator[Mirrors]:
    """One job's mirrors, which end with the block."""
    with ExitStack() as stack:
        yield Mirrors([stack.enter_context(Mirror(name, sink, run_of(job))) for name, sink in sinks.items()])
