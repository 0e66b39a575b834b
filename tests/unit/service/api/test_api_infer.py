"""Image bytes in, mask out: every form of the answer, and every way to be refused."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Event

import numpy as np
import pytest
from fakes.networks import threshold_onnx
from fakes.services import publish
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from service.api import create_app
from service.domain.models import Version
from service.inference import Runtime
from service.wiring import Service


@pytest.fixture
def street(service: Service) -> Version:
    return publish(service)


INFER = "/v1/models/street/infer"


def picture(height: int = 5, width: int = 7, form: str = "PNG") -> bytes:
    """Left half dark, right half bright."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


EXPECTED = np.repeat([[0, 0, 0, 1, 1, 1, 1]], 5, axis=0)


def test_a_mask_comes_as_a_palette_png_by_default(api: TestClient, street: Version) -> None:
    # the picture must show the classes' colours and still hold the ids: people and programs read the same file
    answer = api.post(INFER, content=picture())
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    mask = Image.open(io.BytesIO(answer.content))
    assert np.array_equal(np.asarray(mask), EXPECTED)
    assert mask.convert("RGB").getpixel((6, 0)) == (200, 100, 50)
    assert answer.headers["x-model"] == "street@1"
    assert answer.headers["x-prediction-id"].startswith("pred_")
    assert answer.headers["x-execution-provider"] == "CPUExecutionProvider"
    stages = [each.partition(";")[0] for each in answer.headers["server-timing"].split(", ")]
    assert stages == ["queue", "decode", "infer", "encode"]


def test_raw_ids_come_with_their_shape(api: TestClient, street: Version) -> None:
    # the cheapest form for programs: bytes that need no decoder
    answer = api.post(INFER, content=picture(), headers={"Accept": "application/octet-stream"})
    shape = int(answer.headers["x-mask-height"]), int(answer.headers["x-mask-width"])
    mask = np.frombuffer(answer.content, answer.headers["x-mask-dtype"]).reshape(shape)
    assert np.array_equal(mask, EXPECTED)


def test_json_tells_the_area_of_each_class_that_is_there(api: TestClient, street: Version) -> None:
    # who only counts pixels should not have to decode a picture
    body = api.post(INFER, content=picture(), headers={"Accept": "application/json"}).json()
    areas = {each["name"]: (each["pixels"], each["fraction"]) for each in body["classes"]}
    assert areas == {"dark": (15, 15 / 35), "bright": (20, 20 / 35)}
    assert (body["height"], body["width"], body["model"], body["version"]) == (5, 7, "street", 1)
    dark_only = api.post(INFER, content=_black(), headers={"Accept": "application/json"}).json()
    assert [each["name"] for each in dark_only["classes"]] == ["dark"]


def test_an_overlay_has_the_size_of_the_image(api: TestClient, street: Version) -> None:
    # a mixed-up stride would still decode, as another picture
    answer = api.post(INFER, content=picture(48, 64), headers={"Accept": "image/jpeg"})
    overlay = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
    assert overlay.shape == (48, 64, 3)
    assert np.abs(overlay[24, 60] - (227, 177, 152)).max() < 6  # half of white and half of class 1's colour


@pytest.mark.parametrize(
    ("accept", "status", "media_type"),
    [
        ("*/*", 200, "image/png"),
        ("image/*", 200, "image/png"),
        ("image/jpeg;q=0.5, application/json;q=0.9", 200, "application/json"),
        ("application/json;q=nonsense, image/png;q=0.1", 200, "image/png"),
        ("image/*, image/png;q=0", 200, "image/jpeg"),
        ("text/html", 406, "application/problem+json"),
        ("image/png;q=0", 406, "application/problem+json"),
    ],
)
def test_accept_chooses_the_form(api: TestClient, street: Version, accept: str, status: int, media_type: str) -> None:
    # a caller that names no form we speak must not get bytes that it cannot read
    answer = api.post(INFER, content=picture(), headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (status, media_type)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 415, "unsupported_image"),
        (b"hello", 415, "unsupported_image"),
        (b"GIF89a" + bytes(40), 415, "unsupported_image"),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n', 415, "unsupported_image"),
        (picture()[:40], 422, "invalid_image"),
        (picture(form="JPEG")[:-200], 422, "invalid_image"),
        (picture(form="WEBP")[:-5], 422, "invalid_image"),
    ],
)
def test_what_is_no_whole_image_is_refused(
    api: TestClient, street: Version, body: bytes, status: int, code: str
) -> None:
    # issue 2 names these inputs; a mask of half an image would be believed
    answer = api.post(INFER, content=body, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, 300), at=st.integers(0, 300), byte=st.binary(max_size=3), form=st.sampled_from(["PNG", "JPEG"])
)
def test_a_damaged_image_never_answers_500(
    api: TestClient, street: Version, cut: int, at: int, byte: bytes, form: str
) -> None:
    # decoders meet hostile bytes; whatever they stumble on must be the caller's fault, said politely
    whole = picture(form=form)
    broken = (whole[:at] + byte + whole[at + len(byte) :])[: max(len(whole) - cut, 0)]
    assert api.post(INFER, content=broken).status_code in (200, 415, 422)


def test_more_pixels_than_allowed_are_refused_before_decoding(api: TestClient, street: Version) -> None:
    # a small file may announce a huge image
    header = picture()[:16] + (70_000).to_bytes(4) + (70_000).to_bytes(4)
    answer = api.post(INFER, content=header + picture()[24:])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_image")


@pytest.mark.parametrize("query", ["", "?alias=nightly", "?version=7"])
def test_what_is_not_published_is_not_found(api: TestClient, service: Service, query: str) -> None:
    # a typo in an alias must not fall back to some other version
    publish(service, alias="candidate")
    answer = api.post(INFER + query, content=picture())
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_version_or_an_alias_can_be_named(api: TestClient, service: Service) -> None:
    # the candidate must be reachable before it is promoted
    publish(service, threshold_onnx(128))
    publish(service, threshold_onnx(256), alias="candidate")
    for query, tag in (("", "street@1"), ("?alias=candidate", "street@2"), ("?version=2", "street@2")):
        assert api.post(INFER + query, content=picture()).headers["x-model"] == tag


def test_a_broken_model_answers_503(api: TestClient, service: Service) -> None:
    # the image is not to blame, and a retry may meet a mended model
    publish(service, b"no onnx file")
    answer = api.post(INFER, content=picture())
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]


@pytest.fixture
def busy(service: Service) -> Iterator[tuple[TestClient, Runtime]]:
    """An application whose threads are all held until the end, and its runtime."""
    app, release = create_app(service), Event()
    runtime = app.state.context.runtime
    holders = [runtime.pool.submit(lambda: release.wait(timeout=30)) for _ in range(runtime.threads)]
    with TestClient(app) as client:
        yield client, runtime
        release.set()
        assert all(holder.result(timeout=30) for holder in holders)


def test_an_image_that_is_late_is_not_worked_on(busy: tuple[TestClient, Runtime], service: Service) -> None:
    # nobody reads the mask, and those behind it still wait for theirs
    api, runtime = busy
    publish(service, alias="nightly")
    answer = api.post(INFER, params={"alias": "nightly"}, content=picture(), headers={"Request-Timeout": "0.01"})
    assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")
    assert runtime.live.count == 0  # the image would have needed the model
    assert runtime.pool.admitted == runtime.threads


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_a_deadline_is_a_number_of_seconds(api: TestClient, street: Version, seconds: str) -> None:
    # a client that counts in milliseconds should learn it
    answer = api.post(INFER, content=picture(), headers={"Request-Timeout": seconds})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "request-timeout")
    assert api.post(INFER, content=picture(), headers={"Request-Timeout": "30"}).status_code == 200


def test_a_full_server_refuses_before_it_reads_the_body(service: Service, street: Version) -> None:
    # 64 MiB each of images that would be refused anyway is how a burst ends a server
    runtime = (app := create_app(service)).state.context.runtime
    taken = [runtime.pool.place() for _ in range(runtime.threads + service.settings.infer_queue)]
    with ExitStack() as places:
        for place in taken:
            places.enter_context(place)
        assert asyncio.run(ask_unread(app)) == 429
    with TestClient(app) as api:
        assert api.post(INFER, content=picture()).status_code == 200


async def ask_unread(app: FastAPI) -> int:
    """The status of a POST whose body must not be asked for."""
    statuses: list[int] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 0))

    await app(scope_of("POST", INFER), receive, send)
    return statuses[0]


def _black() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return file.getvalue()


def scope_of(method: str, path: str) -> Scope:
    """A request as a server hands it over."""
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    return {**scope, "headers": [(b"host", b"testserver")]}


def test_an_image_whose_sender_hung_up_is_not_worked_on(
    service: Service, street: Version, caplog: pytest.LogCaptureFixture
) -> None:
    # the queue is for people who still wait
    app = create_app(service)
    runtime = app.state.context.runtime
    release = Event()
    holders = [runtime.pool.submit(lambda: release.wait(timeout=30)) for _ in range(runtime.threads)]
    messages = [{"type": "http.request", "body": picture()}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    async def send(message: object) -> None:
        pass

    asyncio.run(app(scope_of("POST", INFER), receive, send))
    release.set()
    for holder in holders:
        holder.result(timeout=30)
    runtime.pool.close()
    assert runtime.live.count == 0  # the image would have needed the model
    assert "error" not in {each.levelname.lower() for each in caplog.records}
