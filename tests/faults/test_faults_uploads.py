"""Uploads whose sender, line or server goes away in the middle."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from fakes.servers import free_port, process, serving
from fakes.services import memory_service
from fakes.waiting import wait_for

from service.client import Client
from service.settings import read_settings
from service.wiring import Service, wire

PIECE = bytes(range(256)) * 4096
TOTAL = 4 * len(PIECE)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Not one that can be unpacked: nobody looks into it here."""
    path = tmp_path / "upload.zip"
    path.write_bytes(PIECE * 4)
    return path


@contextmanager
def half_sent(url: str, dataset_id: str) -> Iterator[socket.socket]:
    """A request that announces everything, sends half, and is then left open."""
    place = urlsplit(url)
    head = (
        f"PUT /v1/datasets/{dataset_id}/content HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {TOTAL}\r\n\r\n"
    )
    with socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=10) as line:
        line.sendall(head.encode() + PIECE * 2)
        yield line


def held(folder: Path, dataset_id: str) -> int:
    path = folder / "uploads" / dataset_id
    return path.stat().st_size if path.exists() else 0


def test_a_broken_line_keeps_what_came(service: Service, archive: Path, tmp_path: Path) -> None:
    """The sender goes on from there, and the whole is what it should be."""
    with serving(service) as url, Client(url) as client:
        dataset = client.datasets.create("streets")
        with half_sent(url, dataset.id):
            wait_for(lambda: held(tmp_path, dataset.id) > len(PIECE), "the first half")
        wait_for(lambda: held(tmp_path, dataset.id) == 2 * len(PIECE), "the last bytes before the line broke")
        sent: list[int] = []
        uploaded = client.datasets.upload(dataset.id, archive, progress=lambda there, _: sent.append(there))
    assert uploaded.state == "validating"
    assert min(sent) > 2 * len(PIECE)
    assert service.dataset_folders.archive(dataset.id).read_bytes() == PIECE * 4


def test_f7_an_upload_goes_on_after_the_api_was_killed(archive: Path, tmp_path: Path) -> None:
    """kill -9: what was written is in the file, and the file's size is all that anybody needs to know."""
    home, port = tmp_path / "home", free_port()
    url = f"http://127.0.0.1:{port}"
    with process(home, port) as first, Client(url) as client:
        dataset = client.datasets.create("streets")
        with half_sent(url, dataset.id):
            wait_for(lambda: held(home, dataset.id) > len(PIECE), "the first half")
            first.kill()
            first.wait()
    before = held(home, dataset.id)
    with process(home, port), Client(url) as client:
        asked = client.datasets.get(dataset.id)
        uploaded = client.datasets.upload(dataset.id, archive)
    assert (asked.state, uploaded.state) == ("uploading", "validating")
    assert len(PIECE) < before <= 2 * len(PIECE)
    stored = wire(read_settings(home=home))
    assert stored.dataset_folders.archive(dataset.id).read_bytes() == PIECE * 4
    stored.close()


def test_f35_many_uploads_at_once_all_arrive(service: Service, tmp_path: Path) -> None:
    """Two hundred senders: each gets its own file, none is mixed with another."""
    with serving(service) as url, httpx.Client(base_url=url, timeout=60) as http:
        made = [http.post("/v1/datasets", json={"name": str(number)}).json()["id"] for number in range(200)]
        lines: list[socket.socket] = []
        place = urlsplit(url)
        for number, dataset_id in enumerate(made):
            line = socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=30)
            head = f"PUT /v1/datasets/{dataset_id}/content HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8000\r\n\r\n"
            line.sendall(head.encode() + bytes([number]) * 4000)
            lines.append(line)
        for number, line in enumerate(lines):
            line.sendall(bytes([number]) * 4000)
        answers = [line.recv(4096).split(b" ", 2)[1] for line in lines]
        for line in lines:
            line.close()
    assert set(answers) == {b"200"}
    archives = [service.dataset_folders.archive(dataset_id).read_bytes() for dataset_id in made]
    assert archives == [bytes([number]) * 8000 for number in range(200)]
