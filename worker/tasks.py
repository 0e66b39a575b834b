"""The one Celery task."""

from __future__ import annotations

from celery import Celery

from service.adapters.hints import WAKE
from worker.runner import Runner


def add_tasks(app: Celery, runner: Runner) -> None:
    """Bind the task that every hint sends to a runner."""

    @app.task(name=WAKE)
    def wake(_kind: str) -> None:
        runner.hear()
