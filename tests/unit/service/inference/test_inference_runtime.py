"""From bytes to bytes on the pool."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from fakes.networks import threshold_onnx
from fakes.services import memory_service, publish
from PIL import Image

from service.domain import registry
from service.domain.errors import Unavailable
from service.inference import Question, Runtime
from service.wiring import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path, infer_threads=2)


@pytest.fixture
def runtime(service: Service) -> Iterator[Runtime]:
    runtime = Runtime(service.settings, service.models, service.artifacts, now=service.now, entropy=service.entropy)
    yield runtime
    runtime.pool.close()


def grey(level: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), (level, level, level)).save(file, "PNG")
    return file.getvalue()


def test_alone_takes_every_core_and_together_one_each(service: Service, runtime: Runtime) -> None:
    # measured: the first has the better latency, the second the better throughput
    publish(service)
    loaded = runtime.live.alias("street", "production")
    assert (loaded.alone.threads, loaded.together.threads) == (2, 1)
    assert loaded.alone is not loaded.together
    image = np.full((2, 2, 3), 255, np.uint8)
    assert np.array_equal(loaded.predict(image, alone=True), loaded.predict(image, alone=False))


def test_every_request_during_a_swap_is_answered_by_one_version_or_the_other(
    service: Service, runtime: Runtime
) -> None:
    # a swap is a pointer that moves: no request may fail, and no answer may mix two versions
    publish(service, threshold_onnx(100))
    publish(service, threshold_onnx(200), alias=None)
    question = Question("pred_x", "street", grey(150), "application/octet-stream")
    runtime.ask(question).result(timeout=60)
    bright, dark = bytes([1] * 12), bytes(12)
    for number in (2, 1) * 20:
        replies = [runtime.ask(question) for _ in range(8)]
        registry.promote(service.models, "street", "production", number)
        runtime.live.refresh()
        for reply in (each.result(timeout=60) for each in replies):
            assert (reply.tag, reply.body) in {("street@1", bright), ("street@2", dark)}
        assert runtime.ask(question).result(timeout=60).tag == f"street@{number}"


def test_a_broken_model_is_the_servers_fault(service: Service, runtime: Runtime) -> None:
    # 422 would tell the caller to mend the image
    publish(service, b"no onnx file")
    with pytest.raises(Unavailable, match="street"):
        runtime.ask(Question("pred_x", "street", grey(0))).result(timeout=60)


def test_two_images_are_worked_on_at_once(service: Service, runtime: Runtime) -> None:
    # threads that waited for each other would be one thread
    publish(service)
    gate = Barrier(2, timeout=30)
    first, second = runtime.pool.submit(gate.wait), runtime.pool.submit(gate.wait)
    assert {first.result(timeout=30), second.result(timeout=30)} == {0, 1}
