"""Which versions are in memory, and which of them an alias means right now.

A swap is load, check, warm up; then one pointer moves. Requests that hold the old version finish on it, and it stays in
memory until room is needed, so that a rollback is instant. A version that cannot be loaded leaves the old one live.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock

from bpkd_core.errors import BpkdError, InvalidModel
from service.domain.errors import NotFound
from service.domain.models import Alias, Version
from service.domain.ports import Models, Page
from service.inference.loaded import Loaded
from service.schemas import DEFAULT_ALIAS

_log = logging.getLogger(__name__)


class Live:
    """Loaded versions, least recently used first, under a budget of bytes; safe to use from several threads."""

    def __init__(self, models: Models, load: Callable[[Version], Loaded], *, budget_bytes: int) -> None:
        self._models = models
        self._load = load
        self._budget_bytes = budget_bytes
        self._lock = Lock()
        self._loaded: OrderedDict[tuple[str, int], Future[Loaded]] = OrderedDict()
        self._pointers: dict[tuple[str, str], Alias] = {}
        self._broken: set[tuple[str, int]] = set()

    @property
    def count(self) -> int:
        """How many versions are in memory, or on the way."""
        return len(self._loaded)

    def version(self, model: str, number: int) -> Loaded:
        """A version by its number, loaded if need be; who asks meanwhile waits for the same load.

        Raises NotFound, InvalidModel, ProviderRefused.
        """
        key = (model, number)
        with self._lock:
            future = self._loaded.get(key)
            first = future is None
            if future is None:
                future = self._loaded[key] = Future()
            self._loaded.move_to_end(key)
        if first:
            self._fill(key, future)
        return future.result()

    def alias(self, model: str, alias: str) -> Loaded:
        """The version that an alias means. Raises as :meth:`version`."""
        pointer = self._pointers.get((model, alias))
        return self._follow(self._models.alias(model, alias) if pointer is None else pointer)

    def refresh(self) -> None:
        """Follow every alias in use: another process may have moved it."""
        for model, alias in list(self._pointers):
            try:
                self._follow_if_moved(model, alias)
            except NotFound:
                self._pointers.pop((model, alias), None)  # it was removed: who asks by it shall be told
            except BpkdError as error:
                _log.warning("%s:%s stays on the version before: %s", model, alias, error)

    def forget(self, model: str, number: int | None = None) -> None:
        """Let go of a version that was deleted, or of all of a model's; who holds one may finish on it."""
        with self._lock:
            for key in [key for key in self._loaded if key[0] == model and number in (None, key[1])]:
                del self._loaded[key]

    def warm(self) -> None:
        """Load what the default alias of each model means, as long as half the budget is free."""
        for model in self._models.list(Page(limit=100)).data:
            if self._size_bytes() > self._budget_bytes / 2:
                return
            try:
                self._follow(self._models.alias(model.name, DEFAULT_ALIAS))
            except NotFound:
                continue  # no such alias: the model is not served by default
            except BpkdError as error:
                _log.warning("%s:%s cannot be served: %s", model.name, DEFAULT_ALIAS, error)

    def _follow_if_moved(self, model: str, alias: str) -> None:
        found = self._models.alias(model, alias)
        if found != self._pointers[model, alias] and (model, found.version) not in self._broken:
            self._follow(found)

    def _follow(self, found: Alias) -> Loaded:
        """Load what an alias means and move the pointer, never back to an older revision."""
        loaded = self.version(found.model, found.version)
        with self._lock:
            pointer = self._pointers.setdefault((found.model, found.alias), found)
            if found.revision > pointer.revision:
                self._pointers[found.model, found.alias] = found
        return loaded

    def _fill(self, key: tuple[str, int], future: Future[Loaded]) -> None:
        try:
            loaded = self._load(self._models.version(*key))
        except BaseException as error:
            with self._lock:
                self._loaded.pop(key, None)  # it may have been forgotten meanwhile
            if isinstance(error, InvalidModel):
                self._broken.add(key)  # its bytes never change: refresh need not try again
            future.set_exception(error)
        else:
            future.set_result(loaded)
            self._make_room(key)

    def _make_room(self, newest: tuple[str, int]) -> None:
        """Forget the least recently used versions over the budget; who holds one may finish on it."""
        while self._size_bytes() > self._budget_bytes:
            with self._lock:
                oldest = next((key for key, each in self._loaded.items() if each.done() and key != newest), None)
                if oldest is None:
                    return
                del self._loaded[oldest]

    def _size_bytes(self) -> int:
        with self._lock:
            done = [each for each in self._loaded.values() if each.done() and each.exception() is None]
        return sum(each.result().size_bytes for each in done)
