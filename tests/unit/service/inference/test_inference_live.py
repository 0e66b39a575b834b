"""Swapping versions under load: the pointer moves only to what runs, and memory has an end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import pytest
from fakes.networks import threshold_onnx
from fakes.services import memory_service, publish

from bpkd_core.errors import InvalidModel
from service.domain import registry
from service.domain.errors import NotFound, Unavailable
from service.domain.models import Version
from service.inference.live import Live
from service.inference.loaded import Loaded, load
from service.wiring import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path)


class Loader:
    """The real loader, counted."""

    def __init__(self, service: Service) -> None:
        self.loads: list[int] = []
        self.before: Callable[[Version], Any] = lambda version: None
        self._service = service
        self._lock = Lock()

    def __call__(self, version: Version) -> Loaded:
        self.before(version)
        with self._lock:
            self.loads.append(version.version)
        return load(version, self._service.artifacts.path(version.onnx_sha256), threads=1)


def live_over(service: Service, *, budget_bytes: int = 1 << 20) -> tuple[Live, Loader]:
    loader = Loader(service)
    return Live(service.models, loader, budget_bytes=budget_bytes), loader


def promote(service: Service, version: int, alias: str = "production") -> None:
    registry.promote(service.models, "street", alias, version)


def test_a_moved_alias_is_followed_at_the_next_refresh(service: Service) -> None:
    # the worker promotes from another process
    publish(service, threshold_onnx(1))
    live, loader = live_over(service)
    assert live.alias("street", "production").tag == "street@1"
    publish(service, threshold_onnx(2))
    assert live.alias("street", "production").tag == "street@1"
    live.refresh()
    assert live.alias("street", "production").tag == "street@2"
    assert loader.loads == [1, 2]


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_live(service: Service) -> None:
    # a broken publication must not take the service down
    publish(service, threshold_onnx(1))
    live, loader = live_over(service)
    live.alias("street", "production")
    publish(service, b"no onnx file")
    for _ in range(3):
        live.refresh()
    assert live.alias("street", "production").tag == "street@1"
    assert loader.loads == [1, 2]  # its bytes never change, so it is tried once
    publish(service, threshold_onnx(3))
    live.refresh()
    assert live.alias("street", "production").tag == "street@3"


def test_a_passing_failure_is_tried_again(service: Service) -> None:
    # a file store that was away for a moment says nothing about the version
    publish(service, threshold_onnx(1))
    live, loader = live_over(service)
    live.alias("street", "production")
    publish(service, threshold_onnx(2))

    def fail(version: Version) -> None:
        raise Unavailable("the file store does not answer")

    loader.before = fail
    live.refresh()
    assert live.alias("street", "production").tag == "street@1"
    loader.before = lambda version: None
    live.refresh()
    assert live.alias("street", "production").tag == "street@2"


def test_who_asks_at_once_shares_one_load(service: Service) -> None:
    # eight sessions of one network at a cold start would need eight times the memory
    publish(service)
    live, loader = live_over(service)
    gate = Barrier(8, timeout=30)

    def ask(_: int) -> Loaded:
        gate.wait()
        return live.alias("street", "production")

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert len({id(each) for each in answers}) == 1
    assert loader.loads == [1]


def test_a_failed_load_fails_everyone_who_waits_and_nobody_later(service: Service) -> None:
    # a failure must not stay in memory as if it were a model
    publish(service, b"no onnx file")
    live, loader = live_over(service)
    for _ in range(2):
        with pytest.raises(InvalidModel):
            live.version("street", 1)
    assert loader.loads == [1, 1]
    assert live.count == 0


def test_the_least_recently_used_goes_first(service: Service) -> None:
    # and what is still asked for stays
    for level in (1, 2, 3):
        publish(service, threshold_onnx(level), alias=None)
    size = len(threshold_onnx(1))
    live, loader = live_over(service, budget_bytes=2 * size)
    for number in (1, 2, 1, 3, 1):
        live.version("street", number)
    assert loader.loads == [1, 2, 3]
    live.version("street", 2)
    assert loader.loads == [1, 2, 3, 2]
    assert live.count == 2


def test_one_version_stays_even_over_the_budget(service: Service) -> None:
    # a network that is larger than the budget is still served
    publish(service)
    live, loader = live_over(service, budget_bytes=1)
    live.alias("street", "production")
    live.alias("street", "production")
    assert loader.loads == [1]


def test_an_older_look_never_moves_the_pointer_back(service: Service) -> None:
    # two refreshes overlap: the slow one has seen the past
    publish(service, threshold_onnx(1))
    live, loader = live_over(service)
    live.alias("street", "production")
    publish(service, threshold_onnx(2))

    def overtake(version: Version) -> None:
        if version.version == 2:
            publish(service, threshold_onnx(3))
            loader.before = lambda version: None
            live.refresh()

    loader.before = overtake
    live.refresh()
    assert live.alias("street", "production").tag == "street@3"


def test_warm_up_loads_what_serves_by_default(service: Service) -> None:
    # the first request after a start must not wait; a broken model must not keep the others cold
    publish(service, threshold_onnx(1), model="a")
    publish(service, b"no onnx file", model="b")
    publish(service, threshold_onnx(2), model="c", alias="candidate")
    publish(service, threshold_onnx(3), model="d")
    live, _ = live_over(service)
    live.warm()
    assert live.count == 2


def test_a_file_that_was_changed_is_refused(service: Service) -> None:
    # the hash is the version's identity
    version = publish(service)
    path = service.artifacts.path(version.onnx_sha256)
    path.chmod(0o644)
    path.write_bytes(threshold_onnx(7))
    with pytest.raises(InvalidModel, match="differs from its hash"):
        load(version, path, threads=1)


def test_unknown_names_are_not_found(service: Service) -> None:
    # and leave nothing behind
    publish(service)
    live, _ = live_over(service)
    for ask in (
        lambda: live.alias("street", "nightly"),
        lambda: live.version("street", 9),
        lambda: live.alias("x", "y"),
    ):
        with pytest.raises(NotFound):
            ask()
    assert live.count == 0
