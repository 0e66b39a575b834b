"""F19: the object store is slow, answers 5xx, or breaks off. A real HTTP server behind a proxy that misbehaves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fakes.proxy import Proxy
from fakes.records import add_job, event_types
from fakes.s3_server import BUCKET, artifacts_url, overwrite, s3_server
from fakes.waiting import wait_for
from fakes.worker_process import WorkerProcess

from service.adapters.cache import Cache
from service.adapters.places import Bucket
from service.adapters.s3 import S3Artifacts, open_bucket
from service.domain.errors import Unavailable
from service.settings import read_settings
from service.wiring import wire

LARGE = bytes(range(256)) * (8 << 12)
PATIENCE_S = 0.3


@pytest.fixture
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def proxy(server: str) -> Iterator[Proxy]:
    with Proxy(urlsplit(server).port or 0) as proxy:
        yield proxy


def open_store(url: str, home: Path) -> S3Artifacts:
    bucket = Bucket(BUCKET, "files", url, "us-east-1", "key", "secret")
    return open_bucket(bucket, Cache(home, limit_bytes=1 << 30), timeout_s=PATIENCE_S)


@pytest.fixture
def artifacts(proxy: Proxy, tmp_path: Path) -> S3Artifacts:
    """Through the proxy."""
    return open_store(proxy.url, tmp_path / "mine")


@pytest.fixture
def direct(server: str, tmp_path: Path) -> S3Artifacts:
    """What another process sees."""
    return open_store(server, tmp_path / "theirs")


def whole(store: S3Artifacts) -> list[str]:
    return list(store.kept(before=datetime.now(UTC) + timedelta(minutes=1)))


def test_f19_a_few_refusals_are_tried_again(artifacts: S3Artifacts, direct: S3Artifacts, proxy: Proxy) -> None:
    """503 Slow Down is how an object store says good morning."""
    proxy.refusals = 2
    info = artifacts.keep_bytes(b"network")
    assert proxy.refused == 2
    assert direct.path(info.sha256).read_bytes() == b"network"


def test_f19_a_store_that_only_refuses_is_unavailable_and_then_left_alone(artifacts: S3Artifacts, proxy: Proxy) -> None:
    """A trainer that leaves a picture every second must not make its supervisor wait for every one of them."""
    proxy.refusals = 1000
    with pytest.raises(Unavailable, match="503") as first:
        artifacts.keep_bytes(b"network")
    assert first.value.retryable
    asked = proxy.refused
    with pytest.raises(Unavailable, match="a moment ago"):
        artifacts.keep_bytes(b"network")
    assert 1 < proxy.refused == asked


def test_f19_a_silent_store_is_unavailable_in_bounded_time(artifacts: S3Artifacts, proxy: Proxy) -> None:
    """A connection that stays and says nothing is the fault that has no error of its own."""
    proxy.fall_silent()
    start = time.monotonic()
    with pytest.raises(Unavailable):
        artifacts.keep_bytes(b"network")
    assert time.monotonic() - start < 60 * PATIENCE_S


def test_f19_an_upload_that_breaks_off_is_not_there(
    artifacts: S3Artifacts, direct: S3Artifacts, proxy: Proxy, tmp_path: Path
) -> None:
    """Half a network must never be served; a second try, when the store is well again, is whole."""
    proxy.cut_after = 3 << 20
    with pytest.raises(Unavailable):
        artifacts.keep_bytes(LARGE)
    assert whole(direct) == []
    proxy.cut_after = None
    info = open_store(proxy.url, tmp_path / "mine").keep_bytes(LARGE)
    assert direct.path(info.sha256).read_bytes() == LARGE


def test_f19_a_download_that_breaks_off_leaves_nothing_in_the_cache(
    artifacts: S3Artifacts, direct: S3Artifacts, proxy: Proxy, tmp_path: Path
) -> None:
    """The cache is what the runtime loads networks from."""
    info = direct.keep_bytes(LARGE)
    proxy.cut_after = 100_000
    with pytest.raises(Unavailable):
        artifacts.path(info.sha256)
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == []


def test_f19_other_bytes_than_the_name_says_are_not_served(
    artifacts: S3Artifacts, direct: S3Artifacts, server: str, tmp_path: Path
) -> None:
    """Whoever wrote into the bucket by hand, or whatever flipped the bit."""
    info = direct.keep_bytes(b"network")
    overwrite(server, f"files/kept/{info.sha256}", b"netw0rk")
    with pytest.raises(Unavailable, match="does not hold what its name says"):
        artifacts.path(info.sha256)
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == []


def test_f19_a_training_goes_on_without_its_object_store(server: str, proxy: Proxy, tmp_path: Path) -> None:
    """Pictures are lost, with a warning; the network is published once the store is back. No step is done twice."""
    settings = {
        "artifacts_url": artifacts_url(proxy.url),
        "s3_access_key_id": "key",
        "s3_secret_access_key": "secret",
    }
    service = wire(read_settings(home=tmp_path, **settings))
    proxy.refusals = 10**6
    picture = json.dumps({"type": "preview", "path": "spec.json", "step": 1})
    job = add_job(service, register={"model": "street"})
    with WorkerProcess(tmp_path, "--say", picture, "--steps", "6", **settings) as worker:
        wait_for(lambda: "trying again" in worker.said(), "the publication to fail")
        proxy.refusals = 0
        wait_for(lambda: service.jobs.get(job.id).ended, "the end of the job")
        assert worker.steps() == [1, 2, 3, 4, 5, 6]
    job = service.jobs.get(job.id)
    service.close()
    assert (job.status, job.attempt, job.version) == ("succeeded", 1, 1)
    assert "preview" not in event_types(service, job)
    direct = open_store(server, tmp_path / "theirs")
    assert direct.path(job.files["student.onnx"].sha256).stat().st_size == job.files["student.onnx"].size
