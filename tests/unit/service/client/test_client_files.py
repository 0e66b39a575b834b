"""Files on their way, in both directions, over connections that break. The server is real; the line is cut here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import httpx
import pytest
from fakes.servers import listening
from fakes.services import memory_service, publish
from fastapi import Request, Response

from service.api import create_app
from service.api.context import Here
from service.api.uploads import incomplete, receive
from service.client import Client, Patience, RequestFailed, Unreachable
from service.client.sync.transport import Transport
from service.client.sync.uploads import Tell, upload
from service.domain.uploads import Partial
from service.wiring import Service

CONTENT = bytes(range(256)) * 4096  # four blocks
QUICK = Patience(tries=4, first_s=0.1, longest_s=0.1)


class Line(httpx.HTTPTransport):
    """TCP that is cut once for each of the sizes: after so many bytes of a body, on the way there or back."""

    def __init__(self, *sizes: int, back: bool = False) -> None:
        super().__init__()
        self._sizes, self._back = list(sizes), back
        self.ranges: list[str | None] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.ranges.append(request.headers.get("Range") or request.headers.get("Content-Range"))
        if self._back:
            response = super().handle_request(request)
            response.stream = Cut(response.stream, self._sizes)
            return response
        request.stream = Cut(request.stream, self._sizes)
        return super().handle_request(request)


class Cut(httpx.SyncByteStream):
    """A body that breaks off, unless it is shorter."""

    def __init__(self, stream: httpx.SyncByteStream, sizes: list[int]) -> None:
        self._stream, self._sizes = stream, sizes

    def __iter__(self) -> Iterator[bytes]:
        carried = 0
        for block in self._stream:
            carried += len(block)
            if self._sizes and carried > self._sizes[0]:
                self._sizes.pop(0)
                raise httpx.ReadError("the line is cut")
            yield block

    def close(self) -> None:
        self._stream.close()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return memory_service(tmp_path / "home")


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    """A server with a route that takes any file."""
    app = create_app(service)

    @app.put("/v1/anything")
    async def take(request: Request, here: Here) -> Response:
        received = await receive(request, here, "ds_1")
        return incomplete(received) if isinstance(received, Partial) else Response(received.sha256)

    with listening(app) as url:
        yield url


def send(url: str, source: Path, line: Line, progress: Tell = lambda _there, _total: None) -> httpx.Response:
    with httpx.Client(base_url=url, transport=line) as http:
        return upload(Transport(http, QUICK, sleep), "/v1/anything", source, progress=progress)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    return path


def test_an_upload_goes_on_where_the_line_was_cut(url: str, source: Path) -> None:
    # 50 GB over a bad line come through only if nothing is sent twice
    line, told = Line(300_000, 300_000), []
    answer = send(url, source, line, lambda sent, total: told.append((sent, total)))
    assert answer.text == hashlib.sha256(CONTENT).hexdigest()
    starts = [int(each[6:].split("-")[0]) for each in line.ranges if each and "*" not in each]
    assert starts == sorted(set(starts))
    assert len(starts) == 3
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_an_upload_that_is_given_up_is_taken_up_by_the_next_call(url: str, source: Path) -> None:
    # the command was stopped, or the machine slept
    with pytest.raises(Unreachable):
        send(url, source, Line(*[300_000, 1, 1, 1, 1, 1]))
    line = Line()
    send(url, source, line)
    assert [each for each in line.ranges if each and "*" not in each] != [f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"]


def test_a_file_that_changed_between_two_calls_is_found_out(url: str, source: Path) -> None:
    # half of one dataset and half of another would pass for a whole
    with pytest.raises(Unreachable):
        send(url, source, Line(*[600_000, 1, 1, 1, 1, 1]))
    source.write_bytes(CONTENT[::-1])
    with pytest.raises(RequestFailed, match="Repr-Digest"):
        send(url, source, Line())


def test_an_empty_file_is_refused_by_a_sentence(url: str, tmp_path: Path) -> None:
    # the server's, which says what was expected
    (tmp_path / "empty").touch()
    with pytest.raises(RequestFailed, match="no bytes"):
        send(url, tmp_path / "empty", Line())


def test_a_download_goes_on_where_the_line_was_cut(url: str, service: Service, tmp_path: Path) -> None:
    # and is one file: the second part is asked for only if it is of the same
    publish(service, CONTENT)
    line = Line(600_000, back=True)
    with Client(url, patience=QUICK, transport=line) as client:
        path = client.models.download("street", 1, tmp_path / "street.onnx")
    assert path.read_bytes() == CONTENT
    assert line.ranges[0] is None
    assert 0 < int(line.ranges[1][6:].rstrip("-")) < len(CONTENT)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_a_download_that_does_not_come_through_leaves_nothing(url: str, service: Service, tmp_path: Path) -> None:
    # half a network would be taken for one
    publish(service, CONTENT)
    with Client(url, patience=QUICK, transport=Line(*[1] * 10, back=True)) as client, pytest.raises(Unreachable):
        client.models.download("street", 1, tmp_path / "street.onnx")
    assert not list(tmp_path.glob("*street*"))
