"""Nudges to waiting workers over Celery and its broker."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
from __future__ import annotations

import logging
import queue
import threading

from celery import Celery
from redis import Redis, RedisError

from service.adapters.hints import BROKER_OPTIONS, QUEUE, WAKE, Kind

_RETRY_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
_TIMEOUT_S = 2
_log = logging.getLogger(__name__)


class CeleryHints:
    """The port Hints over Celery: the task `bpkd.wake`, sent by a thread of its own, off every request's path.

    A hint that the broker does not take is logged and forgotten, and so is one that finds too many waiting.
    """

    def __init__(self, broker_url: str) -> None:
        self._app = Celery("bpkd", broker=broker_url, set_as_current=False)
        self._app.conf.update(
            task_ignore_result=True,
            task_default_queue=QUEUE,
            broker_connection_timeout=_TIMEOUT_S,
            broker_transport_options={**BROKER_OPTIONS, "socket_timeout": _TIMEOUT_S},
        )
        self._waiting: queue.Queue[Kind] = queue.Queue(maxsize=16)
        self._sender: threading.Thread | None = None

    def hint(self, kind: Kind) -> None:
        try:
            self._waiting.put_nowait(kind)
        except queue.Full:
            _log.warning("hint for a %s was dropped: the broker is slow; the workers' poll will find the work", kind)
        if self._sender is None or not self._sender.is_alive():  # the first hint, or the first one after a fork
            self._sender = threading.Thread(target=self._send_all, name="hints", daemon=True)
            self._sender.start()

    def _send_all(self) -> None:
        while True:
            kind = self._waiting.get()
            try:
                self._app.send_task(WAKE, args=[kind], retry=True, retry_policy=_RETRY_ONCE, expires=60)
            except Exception as error:  # whatever the broker's client raises: a lost hint is no error
                _log.warning("hint for a %s was not sent (%s); the workers' poll will find the work", kind, error)
            finally:
                self._waiting.task_done()


class HintQueue:
    """The broker's list of hints that nobody has taken yet."""

    def __init__(self, broker_url: str) -> None:
        self._redis = Redis.from_url(broker_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._key = f"{BROKER_OPTIONS['global_keyprefix']}{QUEUE}"

    def count(self) -> int | None:
        """How many wait; None while the broker does not answer."""
        try:
            return int(self._redis.llen(self._key))  # pyright: ignore[reportArgumentType]  # not awaitable here
        except RedisError:
            return None
