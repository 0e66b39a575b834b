"""The registry over HTTP: what is published, which version serves, and the way back."""

from __future__ import annotations

import hashlib
import io

import pytest
from fakes.networks import threshold_onnx
from fakes.services import publish
from PIL import Image
from starlette.testclient import TestClient

from service.wiring import Service

ALIAS = "/v1/models/street/aliases/production"


def serving(api: TestClient) -> str:
    """Which version answers."""
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return api.post("/v1/models/street/infer", content=file.getvalue()).headers["x-model"]


@pytest.fixture
def two_versions(service: Service) -> None:
    publish(service, threshold_onnx(100))
    publish(service, threshold_onnx(200), alias=None)


@pytest.mark.usefixtures("two_versions")
def test_models_and_versions_are_shown(api: TestClient) -> None:
    # names for people, numbers for the record
    model = api.get("/v1/models/street").json()
    assert (model["latest_version"], model["aliases"]) == (2, {"production": 1})
    assert api.get("/v1/models").json()["data"] == [model]
    versions = api.get("/v1/models/street/versions").json()
    assert [each["version"] for each in versions["data"]] == [2, 1]
    assert versions["last_id"] == "1"
    assert api.get("/v1/models/street/versions/2").json() == versions["data"][0]
    assert api.get("/v1/models/street/versions/3").status_code == 404
    assert api.get("/v1/models/street/versions/2/report").status_code == 404  # nobody measured it


def test_a_page_of_models_asks_for_all_their_aliases_at_once(
    api: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a question per model is a hundred round trips to the database for a page
    for name in ("field", "street", "wood"):
        publish(service, model=name)
    asked: list[object] = []
    aliases = service.models.aliases
    monkeypatch.setattr(service.models, "aliases", lambda names: asked.append(names) or aliases(names))
    page = api.get("/v1/models?order=asc").json()
    assert [(each["name"], each["aliases"]) for each in page["data"]] == [
        (name, {"production": 1}) for name in ("field", "street", "wood")
    ]
    assert asked == [["field", "street", "wood"]]


@pytest.mark.usefixtures("two_versions")
def test_a_promotion_is_served_at_once(api: TestClient) -> None:
    # who promoted and asks must not get the old version
    assert serving(api) == "street@1"
    moved = api.put(ALIAS, json={"version": 2, "reason": "better on poles"})
    assert (moved.status_code, moved.json()["revision"], moved.headers["etag"]) == (200, 2, '"2"')
    assert serving(api) == "street@2"


@pytest.mark.usefixtures("two_versions")
def test_a_stale_promotion_changes_nothing(api: TestClient) -> None:
    # two people promote at once: the second must see that the ground moved
    etag = api.get(ALIAS).headers["etag"]
    assert api.put(ALIAS, json={"version": 2}, headers={"If-Match": etag}).status_code == 200
    late = api.put(ALIAS, json={"version": 1}, headers={"If-Match": etag})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert api.put(ALIAS, json={"version": 1}, headers={"If-Match": "*"}).status_code == 200
    assert api.put(ALIAS, json={"version": 1}, headers={"If-Match": "W/x"}).status_code == 422


@pytest.mark.usefixtures("two_versions")
def test_a_version_that_cannot_be_loaded_is_not_promoted(api: TestClient, service: Service) -> None:
    # the alias would point to something that answers 503
    publish(service, b"no onnx file", alias=None)
    refused = api.put(ALIAS, json={"version": 3})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_model")
    assert api.get(ALIAS).json()["version"] == 1
    assert serving(api) == "street@1"


@pytest.mark.usefixtures("two_versions")
def test_rollback_goes_back_and_history_keeps_both(api: TestClient) -> None:
    # one call in the middle of the night
    api.put(ALIAS, json={"version": 2})
    back = api.post(f"{ALIAS}/rollback", json={"reason": "poles vanish"})
    assert (back.status_code, back.json()["version"]) == (200, 1)
    assert serving(api) == "street@1"
    moves = api.get(f"{ALIAS}/history").json()["data"]
    assert [(each["kind"], each["from_version"], each["to_version"]) for each in moves] == [
        ("promote", None, 1),
        ("promote", 1, 2),
        ("rollback", 2, 1),
    ]
    assert api.post(f"{ALIAS}/rollback").status_code == 409  # nothing is left to go back to


@pytest.mark.usefixtures("two_versions")
def test_a_repeated_rollback_with_one_key_goes_back_once(api: TestClient, service: Service) -> None:
    # a lost answer must not lead one version too far
    publish(service, threshold_onnx(50), alias=None)
    for version in (2, 3):
        api.put(ALIAS, json={"version": version})
    answers = [api.post(f"{ALIAS}/rollback", headers={"Idempotency-Key": "r1"}) for _ in range(2)]
    assert [each.json()["version"] for each in answers] == [2, 2]
    assert api.get(ALIAS).json()["version"] == 2


@pytest.mark.parametrize("name", ["Production", "-x", "a" * 65, "a b"])
@pytest.mark.usefixtures("two_versions")
def test_an_alias_has_a_name_that_stands_in_urls(api: TestClient, name: str) -> None:
    # what cannot be typed cannot be asked for
    assert api.put(f"/v1/models/street/aliases/{name}", json={"version": 1}).status_code == 422


ONNX = threshold_onnx(100)
ETAG = f'"{hashlib.sha256(ONNX).hexdigest()}"'


@pytest.mark.parametrize(
    ("headers", "status", "part"),
    [
        ({}, 200, slice(None)),
        ({"Range": "bytes=0-3"}, 206, slice(0, 4)),
        ({"Range": "bytes=10-"}, 206, slice(10, None)),
        ({"Range": "bytes=-5"}, 206, slice(-5, None)),
        ({"Range": "bytes=0-99999999"}, 200, slice(None)),
        ({"Range": "bytes=5-3"}, 416, None),
        ({"Range": "bytes=99999999-"}, 416, None),
        ({"Range": "bytes=-0"}, 416, None),
        ({"Range": "bytes=-"}, 200, slice(None)),
        ({"Range": "bytes=0-1,3-4"}, 200, slice(None)),
        ({"Range": "bytes=" + "0-1," * 5000}, 200, slice(None)),
        ({"Range": "lines=1-2"}, 200, slice(None)),
        ({"Range": "bytes=0-3", "If-Range": ETAG}, 206, slice(0, 4)),
        ({"Range": "bytes=0-3", "If-Range": '"old"'}, 200, slice(None)),
        ({"If-None-Match": ETAG}, 304, None),
        ({"If-None-Match": '"old"'}, 200, slice(None)),
        ({"If-None-Match": f'"old", W/{ETAG}'}, 304, None),
        ({"If-None-Match": "*"}, 304, None),
        ({"Range": "bytes=" + ",".join(f"{at}-{at}" for at in range(500))}, 200, slice(None)),
        ({"Range": "bytes=0-" + "9" * 18}, 200, slice(None)),
        ({"Range": "bytes=0-" + "9" * 5000}, 200, slice(None)),
    ],
)
@pytest.mark.usefixtures("two_versions")
def test_a_download_is_whole_or_the_part_that_was_asked_for(
    api: TestClient, headers: dict[str, str], status: int, part: slice | None
) -> None:
    # a broken download goes on where it stopped, and never joins two different files
    answer = api.get("/v1/models/street/versions/1/onnx", headers=headers)
    assert answer.status_code == status
    if status != 416:
        assert answer.headers["etag"] == ETAG
    if part is not None:
        assert answer.content == ONNX[part]
        assert answer.headers["content-length"] == str(len(ONNX[part]))
        assert "street-1.onnx" in answer.headers["content-disposition"]
    if status == 206:
        first = ONNX.index(ONNX[part])
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(ONNX[part]) - 1}/{len(ONNX)}"
    if status == 416:
        assert (answer.headers["content-range"], answer.json()["code"]) == (
            f"bytes */{len(ONNX)}",
            "range_not_satisfiable",
        )
