"""A bounded queue in front of a fixed number of threads: what does not fit is refused at once, not made to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from service.domain.errors import Busy

T = TypeVar("T")


class Pool:
    """Runs work on `threads` threads and lets `waiting` more calls wait for one.

    onnxruntime, the image decoders and zlib release the interpreter's lock, so that threads are enough.
    """

    def __init__(self, *, threads: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="infer")
        self._room = threads + waiting
        self._lock = Lock()
        self._admitted = 0
        self._places = 0

    @property
    def admitted(self) -> int:
        """How many calls run or wait. 1, seen from inside a call, says that it is alone."""
        return self._admitted

    @contextmanager
    def place(self) -> Iterator[None]:
        """Room for one call, taken before its body is read: bodies in memory are bounded as well. Raises Busy."""
        with self._lock:
            self._refuse_when_full(max(self._places, self._admitted))
            self._places += 1
        try:
            yield
        finally:
            with self._lock:
                self._places -= 1

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Queue a call. Cancelling the future before its turn means that it never runs. Raises Busy."""
        with self._lock:
            self._refuse_when_full(self._admitted)
            self._admitted += 1
        try:
            future = self._threads.submit(work)
        except BaseException:
            self._leave()
            raise
        future.add_done_callback(self._leave)
        return future

    def close(self) -> None:
        """Finish what was admitted and end the threads."""
        self._threads.shutdown()

    def _refuse_when_full(self, taken: int) -> None:
        if taken >= self._room:
            raise Busy(f"{taken} images are being sent, worked on or wait; send this one again in a second")

    def _leave(self, _future: Future[Any] | None = None) -> None:
        with self._lock:
            self._admitted -= 1
