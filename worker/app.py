"""The Celery side of a worker: how a hint reaches it.

A hint does no work. It wakes the lanes, which claim in the database as they do after every poll. So a hint that is
lost, doubled or late changes nothing, and no task runs longer than a moment: neither the broker's visibility timeout
nor a time limit of Celery's ever meets a training.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import signal

from celery import Celery, signals
from celery.platforms import EX_OK
from celery.worker import state

from service.adapters.hints import BROKER_OPTIONS, QUEUE
from worker.runner import Runner
from worker.tasks import add_tasks

_OPTIONS = {"pool": "solo", "without_gossip": True, "without_mingle": True, "without_heartbeat": True, "quiet": True}
_AGAIN_S = 5.0
log = logging.getLogger(__name__)


def create_app(broker_url: str, runner: Runner) -> Celery:
    """Celery with the one task that wakes `runner`."""
    app = Celery("bpkd", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_acks_late=False,  # a hint is acknowledged on receipt: the reaper recovers work, not the broker
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        result_backend=None,
        task_serializer="json",
        accept_content=["json"],
        worker_concurrency=1,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # no worker sits on hints that another could use
        worker_cancel_long_running_tasks_on_connection_loss=False,  # a blip of the broker stops nothing
        # no soft shutdown of Celery's: no task of its own lasts, and the runner drains what does
        worker_enable_remote_control=False,  # workers tell the database that they live; nothing else need listen
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # Redis may be away for a day; the lanes poll meanwhile
        broker_transport_options=BROKER_OPTIONS,
    )
    add_tasks(app, runner)
    return app


def work_with_hints(broker_url: str, runner: Runner) -> None:
    """Start the runner, and take hints until SIGTERM or SIGINT, which stop it too. Blocks the main thread.

    Celery gives up when the broker answers with an error, as a full or read-only Redis does. That must not end a
    training: it is started again, for as long as it takes, and the lanes poll meanwhile.
    """
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()  # reentrant: a signal may come while the main thread waits

    def keep_logging(**_: object) -> None: ...  # a receiver is what keeps Celery from configuring the logs anew

    def stop(*_: object, **__: object) -> None:
        asked.put(None)
        runner.stop()
        state.should_stop = EX_OK  # heeded by a Celery that has not come to handle signals yet

    app = create_app(broker_url, runner)
    signals.setup_logging.connect(keep_logging, weak=False)
    signals.worker_shutting_down.connect(stop, weak=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    runner.start()  # before Celery: the broker may be away
    try:
        while True:
            app.Worker(**_OPTIONS).start()
            with contextlib.suppress(queue.Empty):
                return asked.get(timeout=_AGAIN_S)
            log.warning("Celery has ended by itself and is started again; the polls go on")
            runner.hear()  # whoever knows that it is deaf is not
    finally:
        runner.stop()
