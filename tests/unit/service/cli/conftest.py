"""The command in this process, and a server for it to talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.servers import serving
from fakes.services import memory_service

from service.wiring import Service


@pytest.fixture
def bpkd(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bpkd:
    monkeypatch.chdir(tmp_path)
    return Bpkd(capsys)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home", import_roots=(tmp_path,))


@pytest.fixture
def url(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server, which every command of the test finds by itself."""
    with serving(service) as url:
        monkeypatch.setenv("BPKD_URL", url)
        yield url
