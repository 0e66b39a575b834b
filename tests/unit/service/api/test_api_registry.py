"""The registry's other half over HTTP: imports, cards, files, deletion, and the way back from a mask."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from fakes.bundle import leave_bundle
from fakes.networks import CLASSES, threshold_onnx
from fakes.records import add_job
from fakes.services import publish
from onnx import TensorProto, helper
from PIL import Image
from starlette.testclient import TestClient

from bpkd_core.bundle import Bundle
from service.domain.gates import Gate
from service.domain.models import Release
from service.domain.predictions import Trace
from service.wiring import Service

VERSIONS = "/v1/models/street/versions"
ALIAS = "/v1/models/street/aliases/production"


def upload(api: TestClient, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    assert api.put(f"/v1/uploads/{sha256}/content", content=data).status_code == 200
    return sha256


def without_names() -> bytes:
    """A student whose maker wrote nothing into it."""
    model = onnx.load_from_string(threshold_onnx())
    del model.metadata_props[:]
    return model.SerializeToString()


def infer(api: TestClient, **headers: str) -> Any:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), (255, 0, 0)).save(file, "PNG")
    return api.post("/v1/models/street/infer", content=file.getvalue(), headers=headers)


def test_an_uploaded_file_becomes_a_version_that_serves(api: TestClient, service: Service) -> None:
    # somebody trained it elsewhere, and only wants it served
    data = threshold_onnx()
    wanted = {"sha256": upload(api, data), "alias_on_success": "production"}
    made = api.post(VERSIONS, json=wanted)
    assert made.status_code == 201
    assert made.headers["location"] == f"{VERSIONS}/1"
    version = made.json()
    assert (version["job"], version["dataset_sha256"], version["provenance"]["source"]) == (None, None, "imported")
    assert version["onnx"]["sha256"] == wanted["sha256"]
    assert infer(api).headers["x-model"] == "street@1"
    again = api.post(VERSIONS, json=wanted).json()
    assert again == version


def test_a_repeat_with_one_key_is_the_same_answer(api: TestClient) -> None:
    # the first answer was lost
    wanted = {"sha256": upload(api, threshold_onnx())}
    first, second = (api.post(VERSIONS, json=wanted, headers={"Idempotency-Key": "i1"}) for _ in range(2))
    assert (first.json(), second.headers["idempotency-replayed"]) == (second.json(), "true")
    assert second.headers["location"] == first.headers["location"]


def test_an_import_moves_its_alias_even_to_a_version_that_was_there(api: TestClient) -> None:
    # the answer would say that all is well while the old version serves
    wanted = {"sha256": upload(api, threshold_onnx())}
    made = [api.post(VERSIONS, json={**wanted, "alias_on_success": alias}) for alias in ("production", "candidate")]
    assert [each.json()["version"] for each in made] == [1, 1]
    assert api.get("/v1/models/street/aliases/candidate").json()["version"] == 1
    assert len(api.get("/v1/models/street/aliases/production/history").json()["data"]) == 1


def test_a_file_of_the_server_is_named_by_its_path(api: TestClient, tmp_path: Path) -> None:
    # nobody uploads to the machine that they sit at; and no path leads out of the import roots
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    assert api.post(VERSIONS, json={"path": str(tmp_path / "student.onnx")}).status_code == 201
    assert api.post(VERSIONS, json={"path": "/etc/hostname"}).status_code == 422
    for neither in ({}, {"path": "x", "sha256": "0" * 64}):
        assert api.post(VERSIONS, json=neither).json()["code"] == "invalid_request"
    missing = api.post(VERSIONS, json={"sha256": "0" * 64})
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (404, "#/sha256")


def test_classes_can_be_given_and_are_written_into_the_file(api: TestClient, tmp_path: Path) -> None:
    # the file must be able to go on alone
    sha256 = upload(api, without_names())
    refused = api.post(VERSIONS, json={"sha256": sha256})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_model")
    assert "does not name its classes" in refused.json()["detail"]
    made = api.post(VERSIONS, json={"sha256": sha256, "classes": CLASSES, "alias_on_success": "production"})
    assert made.json()["classes"] == CLASSES
    assert infer(api, accept="application/json").json()["classes"][0]["name"] == "bright"
    twice = api.post(VERSIONS, json={"sha256": upload(api, threshold_onnx()), "classes": CLASSES})
    assert "names its classes itself" in twice.json()["detail"]


def test_what_comes_must_be_what_its_address_says(api: TestClient) -> None:
    # a slip of the hand, or half a file
    wrong = api.put(f"/v1/uploads/{'0' * 64}/content", content=b"some bytes")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_input")
    assert api.put("/v1/uploads/nonsense/content", content=b"x").status_code == 422


def test_what_a_killed_server_left_under_another_hash_is_not_taken(api: TestClient, service: Service) -> None:
    # it died between the last byte and the look at the hash
    growing = service.uploads.grow(f"file_{'0' * 64}", first=0)
    growing.write(threshold_onnx())
    growing.finish()
    missing = api.post(VERSIONS, json={"sha256": "0" * 64})
    assert (missing.status_code, missing.json()["errors"][0]["pointer"]) == (404, "#/sha256")


def test_headers_are_blamed_by_their_names(api: TestClient) -> None:
    # a program must find out which of its headers to mend
    api.post(VERSIONS, json={"sha256": upload(api, threshold_onnx())}, headers={"Idempotency-Key": "h"})
    other = api.post(VERSIONS, json={"sha256": "0" * 64}, headers={"Idempotency-Key": "h"})
    assert other.json()["errors"][0]["pointer"] == "Idempotency-Key"
    wrong = api.put(ALIAS, json={"version": 1}, headers={"If-Match": "third"})
    assert wrong.json()["errors"][0]["pointer"] == "If-Match"


def onnx_of(node: Any, *, mask: int = TensorProto.UINT8, domain: str = "") -> bytes:
    """A file with the right names around one operator."""
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])
    out = helper.make_tensor_value_info("mask", mask, ["n", "h", "w"])
    model = helper.make_model(
        helper.make_graph([node], "g", [image], [out]),
        opset_imports=[helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])],
        ir_version=8,
    )
    helper.set_model_props(
        model,
        {
            "bpkd.contract": "1",
            "classes": '[{"id":0,"name":"a","color":[0,0,0]}]',
            "ignore_index": "255",
            "stride": "1",
        },
    )
    return model.SerializeToString()


REDUCE = helper.make_node("ReduceMax", ["image"], ["mask"], axes=[3], keepdims=0)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no onnx at all", "no ONNX model"),
        (threshold_onnx()[:100], "truncated"),
        (onnx_of(REDUCE), "expected ids below 1"),
        (onnx_of(REDUCE, mask=TensorProto.INT64), "expected tensor|refuses the model"),
        (onnx_of(helper.make_node("Evil", ["image"], ["mask"], domain="evil"), domain="evil"), "'evil'"),
    ],
    ids=["no model", "half a model", "ids without a class", "another type", "foreign operators"],
)
def test_what_cannot_be_served_is_refused_by_a_sentence(api: TestClient, data: bytes, sentence: str) -> None:
    # before any request meets it, and with nothing left behind
    refused = api.post(VERSIONS, json={"sha256": upload(api, data)})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_model")
    assert re.search(sentence, refused.json()["detail"]), refused.json()["detail"]
    assert api.get("/v1/models").json()["data"] == []


def test_too_many_trials_at_once_are_asked_to_wait(api: TestClient, service: Service) -> None:
    # each takes a process and its memory
    here = api.app.state.context  # pyright: ignore[reportAttributeAccessIssue]
    sha256 = upload(api, threshold_onnx())
    with here.trial(), here.trial():
        busy = api.post(VERSIONS, json={"sha256": sha256})
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "5")
    assert api.post(VERSIONS, json={"sha256": sha256}).status_code == 201


def test_what_is_served_is_not_deleted(api: TestClient, service: Service) -> None:
    # F46; then the alias goes, and the rest may
    publish(service)
    publish(service, threshold_onnx(7), alias=None)
    for place in (f"{VERSIONS}/1", "/v1/models/street"):
        refused = api.delete(place)
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert 'alias "production"' in refused.json()["detail"]
    assert api.delete(f"{VERSIONS}/2").status_code == 204
    assert api.delete(f"{VERSIONS}/2").status_code == 404
    assert infer(api).status_code == 200
    assert api.delete(ALIAS, headers={"If-Match": '"7"'}).status_code == 412
    assert api.delete(ALIAS, headers={"If-Match": '"1"'}).status_code == 204
    assert infer(api).status_code == 404  # nothing goes on being served under a name that is gone
    assert [each["kind"] for each in api.get(f"{ALIAS}/history").json()["data"]] == ["promote", "remove"]
    assert api.delete("/v1/models/street").status_code == 204
    assert api.get("/v1/models/street").status_code == 404


def test_every_file_of_a_version_can_be_had(api: TestClient, service: Service) -> None:
    # the report as a page, the manifest, the pictures
    publish(service)
    file = api.get(f"{VERSIONS}/1/files/student.onnx", headers={"Range": "bytes=0-3"})
    assert (file.status_code, file.content) == (206, threshold_onnx()[:4])
    missing = api.get(f"{VERSIONS}/1/files/other.txt")
    assert (missing.status_code, missing.json()["hint"]) == (404, "Files of street@1: student.onnx.")


@pytest.fixture
def measured(service: Service, tmp_path: Path) -> Bundle:
    """A version as a job publishes it, with gates, and a class whose name is markup."""
    job = add_job(service)
    bundle = leave_bundle(tmp_path / "run", {"name": "x", "provenance": {}}, miou=0.5)
    classes = (bundle.classes[0].model_copy(update={"name": "<script>alert(1)</script>|`x`"}), *bundle.classes[1:])
    files = {"student.onnx": service.artifacts.keep_bytes(threshold_onnx())}
    service.models.publish(
        replace(
            release_of(job.id, bundle, files),
            classes=classes,
            gates=(Gate("miou_min", 0.4, 0.5), Gate("boundary_iou_min", 0.9, None)),
        )
    )
    return bundle


def release_of(job_id: str, bundle: Bundle, files: Any) -> Any:
    return Release(
        model="street",
        job_id=job_id,
        dataset_sha256=bundle.dataset_sha256,
        files=files,
        classes=tuple(bundle.classes),
        result=bundle.result.model_dump(mode="json"),
        provenance={"arch": "pspnet_r18", "teacher_sha256": "e" * 64, "method": "bpkd"},
    )


def test_the_card_says_what_it_is_how_good_and_how_to_use_it(api: TestClient, measured: Bundle) -> None:
    # for whoever has to decide whether to use it, and was not there when it was made
    answer = api.get(f"{VERSIONS}/1/card")
    assert answer.headers["content-type"].startswith("text/markdown")
    text = answer.text
    for said in ("# street@1", measured.dataset_sha256, "e" * 64, "| miou_min | 0.4 | 0.5000 | passed |"):
        assert said in text
    assert "| boundary_iou_min | 0.9 | undefined | missed |" in text
    assert "Apache-2.0" in text
    assert "| mIoU |" in text
    assert "?version=1" in text
    assert text.endswith("\n")  # a file, and not half of a terminal's next line


def test_names_in_a_card_are_data(api: TestClient, measured: Bundle) -> None:
    # the page is opened in a browser that may hold a key
    page = api.get(f"{VERSIONS}/1/card", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;|`x`" in page.text
    assert "<td>passed</td>" in page.text
    assert api.get(f"{VERSIONS}/1/card", headers={"Accept": "image/png"}).status_code == 406


def test_the_card_of_an_imported_file_claims_nothing(api: TestClient) -> None:
    # nobody here knows how it was made or how good it is
    api.post(VERSIONS, json={"sha256": upload(api, threshold_onnx())})
    text = api.get(f"{VERSIONS}/1/card").text
    assert "came from elsewhere" in text
    assert "Nothing was measured here" in text
    assert "| made by | imported |" in text


def test_a_mask_leads_back_to_who_made_it(api: TestClient) -> None:
    # a year later, from the id in somebody's file name
    api.post(VERSIONS, json={"sha256": upload(api, threshold_onnx()), "alias_on_success": "production"})
    mask = infer(api)
    lineage = api.get(f"/v1/predictions/{mask.headers['x-prediction-id']}").json()
    assert (lineage["model"], lineage["version"], lineage["job"]) == ("street", 1, None)
    assert lineage["request_id"] == mask.headers["x-request-id"]
    assert lineage["onnx_sha256"] == hashlib.sha256(threshold_onnx()).hexdigest()
    named = infer(api, **{"x-request-id": "mine"}).headers["x-prediction-id"]
    assert api.get(f"/v1/predictions/{named}").json()["request_id"] is None


def test_an_id_that_was_made_up_leads_nowhere(api: TestClient, service: Service) -> None:
    # else anybody could claim that we said something
    api.post(VERSIONS, json={"sha256": upload(api, threshold_onnx()), "alias_on_success": "production"})
    real = infer(api).headers["x-prediction-id"]
    flipped = real[:20] + ("0" if real[20] != "0" else "1") + real[21:]
    for name in (flipped, real[:-1], "pred_" + "z" * 52, "pred_x", "x" * 300, real.upper()):
        assert api.get(f"/v1/predictions/{name}").status_code == 404, name
    publish(service, alias=None)  # of an older worker, without a seal
    assert api.get(f"/v1/predictions/{real}").status_code == 200
    unsealed = api.post("/v1/models/street/infer?version=2", content=picture()).headers["x-prediction-id"]
    assert Trace.read(unsealed) is not None
    assert api.get(f"/v1/predictions/{unsealed}").status_code == 404


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2)).save(file, "PNG")
    return file.getvalue()
