"""The API with its files in an object store: what is read through the cache is served as from a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.networks import threshold_onnx
from fakes.s3_server import artifacts_url, s3_server
from fakes.services import memory_service, publish
from starlette.testclient import TestClient

from service.api import create_app


@pytest.fixture
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "bucket"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestClient]:
    """An API that has no copy of what was published, as if another machine had done it."""
    if request.param == "folder":
        settings = {"artifacts_url": (tmp_path / "files").as_uri()}
    else:
        url = artifacts_url(request.getfixturevalue("endpoint"))
        settings = {"artifacts_url": url, "s3_access_key_id": "key", "s3_secret_access_key": "secret"}
    service = memory_service(tmp_path / "home", **settings)
    publish(service)
    shutil.rmtree(tmp_path / "home" / "cache", ignore_errors=True)
    with TestClient(create_app(service)) as client:
        yield client


def test_a_range_of_a_network_is_served(client: TestClient) -> None:
    """A download that broke off goes on where it stood."""
    whole = client.get("/v1/models/street/versions/1/onnx")
    assert whole.content == threshold_onnx()
    headers = {"Range": "bytes=10-19", "If-Range": whole.headers["etag"]}
    part = client.get("/v1/models/street/versions/1/onnx", headers=headers)
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    rest = client.get("/v1/models/street/versions/1/onnx", headers={"Range": "bytes=-5"})
    assert rest.content == whole.content[-5:]
