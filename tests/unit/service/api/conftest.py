"""The application over a service in memory, asked without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.services import memory_service
from starlette.testclient import TestClient

from service.api import create_app
from service.wiring import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home", import_roots=(tmp_path,))


@pytest.fixture
def api(service: Service) -> Iterator[TestClient]:
    # a surprise must come out as the 500 that a caller would see
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client
