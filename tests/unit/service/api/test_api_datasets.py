"""Datasets over HTTP: content that comes in pieces, pictures that go out, and the end of both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes.records import add_job
from starlette.testclient import TestClient

from service.api import uploads
from service.domain.datasets import Findings, Overlay, conclude
from service.domain.errors import StorageFull
from service.wiring import Service

DATA = bytes(range(256)) * 40
TOTAL = len(DATA)


@pytest.fixture
def dataset(api: TestClient) -> dict[str, Any]:
    answer = api.post("/v1/datasets", json={"name": "streets"})
    assert answer.status_code == 201
    return answer.json()


def put(api: TestClient, dataset: dict[str, Any], data: Any, span: str | None = None, **headers: str) -> httpx.Response:
    given = {"Content-Range": span} if span else {}
    return api.put(f"/v1/datasets/{dataset['id']}/content", content=data, headers=given | headers)


def archive_of(service: Service, dataset: dict[str, Any]) -> Path:
    return service.dataset_folders.archive(dataset["id"])


def test_a_dataset_without_a_path_waits_for_its_content(api: TestClient, dataset: dict[str, Any]) -> None:
    # where the server will put it is nobody's business
    assert (dataset["state"], dataset["path"]) == ("uploading", None)
    refused = api.post("/v1/jobs", json={"name": "x", "dataset": dataset["id"], "student": {"arch": "ddrnet_23_nano"}})
    assert refused.status_code in (409, 422)


def test_content_in_one_piece_starts_the_validation(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # the way of a newcomer with curl
    answer = put(api, dataset, DATA)
    assert (answer.status_code, answer.json()["state"]) == (200, "validating")
    assert archive_of(service, dataset).read_bytes() == DATA
    claimed = service.datasets.claim("w1", lease_s=60)
    assert claimed is not None
    assert (claimed.id, claimed.uploaded) == (dataset["id"], True)


def test_content_of_unknown_length_is_taken_too(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # `tar c . | curl -T - ...` does not know how much is to come
    def stream() -> Iterator[bytes]:
        for start in range(0, TOTAL, 1000):
            yield DATA[start : start + 1000]

    answer = put(api, dataset, stream())
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 200
    assert archive_of(service, dataset).read_bytes() == DATA


def test_content_comes_in_pieces(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # each answer says where the next piece begins, and so does a question
    first = put(api, dataset, DATA[:4000], f"bytes 0-3999/{TOTAL}")
    assert (first.status_code, first.headers["upload-offset"]) == (202, "4000")
    assert first.json() == {"object": "upload", "offset": 4000, "total": TOTAL}
    asked = put(api, dataset, b"", f"bytes */{TOTAL}")
    assert (asked.status_code, asked.headers["upload-offset"]) == (202, "4000")
    last = put(api, dataset, DATA[4000:], f"bytes 4000-{TOTAL - 1}/{TOTAL}")
    assert (last.status_code, last.json()["state"]) == (200, "validating")
    assert "upload-offset" not in last.headers
    assert archive_of(service, dataset).read_bytes() == DATA


def test_who_missed_the_last_answer_asks_again(api: TestClient, dataset: dict[str, Any]) -> None:
    # the line broke after the last byte: asking is answered as the last piece was
    put(api, dataset, DATA)
    asked = put(api, dataset, b"", f"bytes */{TOTAL}")
    assert (asked.status_code, asked.json()["id"]) == (200, dataset["id"])
    assert "upload-offset" not in asked.headers


def test_an_upload_whose_last_answer_was_never_given_ends_with_the_question(
    api: TestClient, service: Service, dataset: dict[str, Any]
) -> None:
    # the process died after the last byte, before or after it called the file whole: nothing is left to send
    growing = service.uploads.grow(dataset["id"], first=0)
    growing.write(DATA)
    growing.close()
    assert put(api, dataset, b"", f"bytes */{TOTAL}").json()["state"] == "validating"
    other = api.post("/v1/datasets", json={"name": "other"}).json()
    growing = service.uploads.grow(other["id"], first=0)
    growing.write(DATA)
    growing.finish()
    assert put(api, other, b"", f"bytes */{TOTAL}").json()["state"] == "validating"


def test_content_never_changes(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # a job that was told one hash must not train on other bytes
    put(api, dataset, DATA)
    again = put(api, dataset, b"other")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert archive_of(service, dataset).read_bytes() == DATA


@pytest.mark.parametrize("first", [3999, 4001])
def test_a_piece_at_the_wrong_place_is_told_the_right_one(api: TestClient, dataset: dict[str, Any], first: int) -> None:
    # nothing is written, and nothing is lost
    put(api, dataset, DATA[:4000], f"bytes 0-3999/{TOTAL}")
    wrong = put(api, dataset, DATA[first:], f"bytes {first}-{TOTAL - 1}/{TOTAL}")
    assert (wrong.status_code, wrong.json()["code"], wrong.headers["upload-offset"]) == (409, "wrong_offset", "4000")
    assert put(api, dataset, b"", f"bytes */{TOTAL}").headers["upload-offset"] == "4000"


@pytest.mark.parametrize(
    ("span", "data", "status"),
    [
        ("bytes 0-9/5", b"0123456789", 422),
        ("bytes 9-0/20", b"x", 422),
        ("bytes 0-9/20", b"too short", 422),
        ("bytes 0-9/*", b"0123456789", 422),
        ("bytes 0-9", b"0123456789", 422),
        ("lines 0-9/20", b"0123456789", 422),
        ("bytes -1-9/20", b"0123456789", 422),
        (f"bytes 0-9/{10**30}", b"0123456789", 422),
        (f"bytes 0-9/{10**17}", b"0123456789", 413),
        ("bytes */0", b"", 422),
        (None, b"", 422),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    api: TestClient, dataset: dict[str, Any], span: str | None, data: bytes, status: int
) -> None:
    # with a sentence, and without a file
    answer = put(api, dataset, data, span)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert put(api, dataset, b"", "bytes */20").headers["upload-offset"] == "0"


def test_an_upload_has_a_limit_of_its_own(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # far above that of other bodies, and counted even where no length was announced
    settings = service.settings
    assert settings.max_upload_bytes > settings.max_body_bytes
    announced = put(api, dataset, b"x", **{"Content-Length": str(settings.max_upload_bytes + 1)})
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")
    small = service.settings.model_copy(update={"max_upload_bytes": 5000})
    object.__setattr__(service, "settings", small)
    streamed = put(api, dataset, (DATA[:1000] for _ in range(10)))
    assert (streamed.status_code, streamed.json()["code"]) == (413, "too_large")


def test_content_is_compared_with_its_hash(api: TestClient, dataset: dict[str, Any]) -> None:
    # RFC 9530; bytes that were damaged on the way are forgotten, and may be sent again
    def digest(data: bytes) -> str:
        return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"

    wrong = put(api, dataset, DATA, **{"Repr-Digest": digest(b"other")})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "Repr-Digest")
    put(api, dataset, DATA[:10], f"bytes 0-9/{TOTAL}", **{"Repr-Digest": digest(DATA)})
    right = put(api, dataset, DATA[10:], f"bytes 10-{TOTAL - 1}/{TOTAL}", **{"Repr-Digest": digest(DATA)})
    assert right.json()["state"] == "validating"


def test_a_full_disk_is_507_and_keeps_what_came(
    api: TestClient, service: Service, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # whoever makes room goes on from there
    put(api, dataset, DATA[:4000], f"bytes 0-3999/{TOTAL}")

    def full(*_: Any, **__: Any) -> Any:
        raise StorageFull("No room is left")

    with monkeypatch.context() as patch:
        patch.setattr(service.uploads, "grow", full)
        answer = put(api, dataset, DATA[4000:], f"bytes 4000-{TOTAL - 1}/{TOTAL}")
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert put(api, dataset, DATA[4000:], f"bytes 4000-{TOTAL - 1}/{TOTAL}").status_code == 200


def test_a_silent_sender_is_let_go(api: TestClient, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # it would hold the upload's lock for ever; what it sent before is kept
    async def silence(_request: object) -> Any:
        yield DATA[:100]
        raise TimeoutError

    monkeypatch.setattr(uploads.Request, "stream", silence)
    answer = put(api, dataset, DATA, f"bytes 0-{TOTAL - 1}/{TOTAL}")
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert put(api, dataset, b"", f"bytes */{TOTAL}").headers["upload-offset"] == "100"


def test_samples_are_listed_and_shown(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # pictures by number: names of files are a stranger's
    put(api, dataset, DATA)
    pictures = [service.artifacts.keep_bytes(data) for data in (b"one", b"two")]
    overlays = tuple(Overlay(name, "train", info) for name, info in zip("ab", pictures, strict=True))
    found = Findings(ready=True, report={"ok": True}, sha256="d" * 64, samples=overlays)
    service.datasets.change(dataset["id"], partial(conclude, findings=found), fence=None)
    listed = api.get(f"/v1/datasets/{dataset['id']}/samples").json()
    assert [(each["number"], each["name"]) for each in listed["data"]] == [(0, "a"), (1, "b")]
    shown = api.get(listed["data"][1]["url"])
    assert (shown.content, shown.headers["content-type"]) == (b"two", "image/png")
    assert api.get(f"/v1/datasets/{dataset['id']}/samples/2").status_code == 404


def test_a_deleted_dataset_takes_its_files_along(api: TestClient, service: Service, dataset: dict[str, Any]) -> None:
    # the archive, what was unpacked of it, and what was still coming
    put(api, dataset, DATA)
    folders = service.dataset_folders
    folders.place(dataset["id"]).mkdir()
    assert api.delete(f"/v1/datasets/{dataset['id']}").status_code == 204
    assert not folders.place(dataset["id"]).parent.exists()
    assert api.get(f"/v1/datasets/{dataset['id']}").status_code == 404
    assert api.delete(f"/v1/datasets/{dataset['id']}").status_code == 404


def test_a_registered_folder_outlives_its_dataset(api: TestClient, tmp_path: Path) -> None:
    # it is the user's, not ours
    (tmp_path / "data").mkdir()
    made = api.post("/v1/datasets", json={"name": "x", "path": str(tmp_path / "data")}).json()
    assert api.delete(f"/v1/datasets/{made['id']}").status_code == 204
    assert (tmp_path / "data").is_dir()


def test_a_dataset_in_use_stays(api: TestClient, service: Service) -> None:
    # and the refusal says who uses it
    job = add_job(service)
    refused = api.delete(f"/v1/datasets/{job.dataset_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert job.id in refused.json()["detail"]
    assert api.get(f"/v1/datasets/{job.dataset_id}").status_code == 200
