"""The commands against a real server: what they show, and what they give a script."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import onnx
import pytest
from bpkd_command import Bpkd
from fakes.networks import CLASSES, threshold_onnx
from fakes.records import add_dataset, add_job, add_ready_dataset
from fakes.services import publish
from PIL import Image

from service.domain.keys import digest
from service.domain.submission import cancel
from service.settings import read_settings
from service.wiring import Service, wire


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Dark on the left, bright on the right."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, 2:] = 250
    Image.fromarray(pixels).save(tmp_path / "image.png")
    return tmp_path / "image.png"


@pytest.mark.usefixtures("url")
def test_jobs_are_submitted_listed_shown_and_cancelled(bpkd: Bpkd, service: Service, tmp_path: Path) -> None:
    # a day's work on one page
    dataset = add_ready_dataset(service)
    request = tmp_path / "job.yaml"
    request.write_text(f"{{name: night run, dataset: {dataset.id}, student: {{arch: ddrnet_23_nano}}}}")
    plan = bpkd("jobs", "submit", request, "--dry-run", "--json").json
    assert [net["role"] for net in plan["networks"]] == ["teacher", "control", "student"]
    job = bpkd("jobs", "submit", request, "--json").json
    assert job["id"] in bpkd("jobs", "list").out
    assert [each["id"] for each in bpkd("jobs", "list", "--json").json["data"]] == [job["id"]]
    assert "night run" in bpkd("jobs", "show", job["id"]).out
    assert bpkd("jobs", "cancel", job["id"]).out == f"{job['id']} is cancelled\n"
    assert bpkd("jobs", "list", "--status", "queued", "--json").json["data"] == []


@pytest.mark.usefixtures("url")
def test_following_a_job_that_did_not_succeed_fails(bpkd: Bpkd, service: Service) -> None:
    # `bpkd jobs follow X && deploy` must not deploy
    job = add_job(service)
    cancel(service.jobs, job.id)
    watched = bpkd("jobs", "follow", job.id)
    assert (watched.code, watched.err.count("\n")) == (1, 1)
    assert f"Job {job.id} was cancelled" in watched.err
    assert "job cancelled (attempt 1)" in watched.out
    events = [json.loads(line) for line in bpkd("jobs", "follow", job.id, "--json").out.splitlines()]
    assert [event["type"] for event in events] == ["status", "status", "done"]


@pytest.mark.usefixtures("url")
def test_datasets_are_listed_and_shown_in_any_state(bpkd: Bpkd, service: Service) -> None:
    # one that still waits has no report yet, and that is no error
    waiting, ready = add_dataset(service), add_ready_dataset(service)
    assert {each["id"] for each in bpkd("datasets", "list", "--json").json["data"]} == {waiting.id, ready.id}
    assert bpkd("datasets", "show", waiting.id, "--json").json["report"] is None
    assert "validating" in bpkd("datasets", "show", waiting.id).out


@pytest.mark.usefixtures("url")
def test_models_are_promoted_rolled_back_and_downloaded(bpkd: Bpkd, service: Service) -> None:
    # the way back must be as short as the way there
    first, second = threshold_onnx(100), threshold_onnx(200)
    publish(service, first)
    publish(service, second, alias=None)
    assert "production 1" in bpkd("models", "list").out
    assert bpkd("models", "promote", "street", "2").out == "street: production is version 2\n"
    path = Path(bpkd("models", "download", "street", "--json").json["path"])
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(second).digest()
    assert bpkd("models", "rollback", "street").out == "street: production is version 1 again\n"
    shown = bpkd("models", "show", "street", "--json").json
    assert (shown["aliases"], [each["version"] for each in shown["versions"]]) == ({"production": 1}, [2, 1])
    assert path.name == "street-2.onnx"
    assert "version" in bpkd("models", "show", "street").out


@pytest.mark.usefixtures("url")
def test_a_server_and_a_file_predict_the_same(bpkd: Bpkd, service: Service, image: Path, tmp_path: Path) -> None:
    # the served mask is the file's mask, or something is wrong
    publish(service, threshold_onnx())
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    served = bpkd("predict", image, "--model", "street", "--out", "served.png", "--json").json
    local = bpkd("predict", image, "--onnx", "student.onnx", "--json").json
    assert (served["model"], local["model"]) == ("street@1", "student.onnx")
    assert served["classes"] == local["classes"]
    assert [(area["name"], area["pixels"]) for area in local["classes"]] == [("bright", 16), ("dark", 8)]
    assert local["path"] == "image-mask.png"
    masks = [np.asarray(Image.open(tmp_path / name)) for name in ("served.png", "image-mask.png")]
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], [[0, 0, 1, 1, 1, 1]] * 4)


def test_an_overlay_shows_the_colours_of_the_classes(bpkd: Bpkd, image: Path, tmp_path: Path) -> None:
    # for eyes, not for programs
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    assert bpkd("predict", image, "--onnx", "student.onnx", "--overlay").code == 0
    drawn = np.asarray(Image.open(tmp_path / "image-overlay.png"))
    np.testing.assert_array_equal(drawn[0, 0], np.array([10, 20, 30]) // 2)


def test_a_mask_never_overwrites_its_image(bpkd: Bpkd, image: Path, tmp_path: Path) -> None:
    # the one file that cannot be made again
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    before = image.read_bytes()
    assert bpkd("predict", image, "--onnx", "student.onnx", "--out", image).code == 1
    assert bpkd("predict", image, "--onnx", "student.onnx", "--out", "mask.jpg").code == 1
    assert image.read_bytes() == before


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two images for each split, which the threshold network gets right but for one pixel of eight."""
    root = tmp_path / "light"
    for split in ("train", "val"):
        for number in range(2):
            labels = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)
            pixels = np.repeat(labels[..., None] * np.uint8(250), 3, axis=2)
            pixels[0, 0] = 20 + number  # no two images alike
            labels[0, 3] = 0
            for kind, array in (("images", pixels), ("masks", labels)):
                folder = root / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                name = f"{split}{number}.png"
                Image.fromarray(array + (split == "val") * np.uint8(kind == "images")).save(folder / name)
    classes = [{"id": 0, "name": "dark", "color": [10, 20, 30]}, {"id": 1, "name": "bright", "color": [200, 100, 50]}]
    (root / "classes.json").write_text(json.dumps(classes))
    return root


def test_a_sound_dataset_passes_its_check(bpkd: Bpkd, dataset: Path) -> None:
    # status 0, so that a script may go on
    answer = bpkd("dataset", "check", dataset)
    assert answer.code == 0
    assert "Ready for training." in answer.out


def test_a_broken_dataset_fails_its_check_and_names_the_file(bpkd: Bpkd, dataset: Path) -> None:
    # before an hour of training, not after
    (dataset / "masks" / "train" / "train1.png").unlink()
    answer = bpkd("dataset", "check", dataset, "--json")
    assert (answer.code, answer.json["ok"]) == (1, False)
    assert "images/train/train1.png" in bpkd("dataset", "check", dataset).out


def test_a_key_gets_what_was_asked_for_it(bpkd: Bpkd, tmp_path: Path) -> None:
    # the scopes, the end and the limits of each key are chosen here and nowhere else
    home = tmp_path / "server"
    wishes = ("--scope", "infer", "--scope", "read", "--expires", "90d", "--max-running", "2", "--max-queued", "0")
    bpkd("keys", "create", "camera", *wishes, "--home", home)
    bpkd("keys", "create", "person", "--home", home)
    camera, person = bpkd("keys", "list", "--home", home, "--json").json["data"]
    lifetime = datetime.fromisoformat(camera["expires_at"]) - datetime.fromisoformat(camera["created_at"])
    assert lifetime == timedelta(days=90)
    assert (camera["scopes"], camera["max_running"], camera["max_queued"]) == (["infer", "read"], 2, 0)
    assert (person["scopes"], person["expires_at"]) == (["read", "write", "infer"], None)
    refused = bpkd("keys", "create", "x", "--expires", "soon", "--home", home)
    assert (refused.code, "such as 90d" in refused.err) == (1, True)


def test_a_key_is_shown_once_and_stored_as_a_hash(bpkd: Bpkd, tmp_path: Path) -> None:
    # whoever reads the database must not be able to log in
    home = tmp_path / "server"
    made = bpkd("keys", "create", "laptop", "--home", home, "--json").json
    assert made["secret"].startswith("bpkd_")
    listed = bpkd("keys", "list", "--home", home)
    assert "laptop" in listed.out
    assert made["secret"] not in listed.out
    service = wire(read_settings(home=home))
    found = service.keys.find(digest(made["secret"]))
    assert found is not None
    assert bpkd("keys", "revoke", found.id, "--home", home).code == 0
    assert service.keys.find(digest(made["secret"])) is None
    service.close()


@pytest.mark.usefixtures("url")
def test_a_student_from_elsewhere_is_imported_promoted_traced_and_deleted(
    bpkd: Bpkd, tmp_path: Path, image: Path
) -> None:
    # the registry's life from the command line, with a file that does not name its classes
    bare = onnx.load_from_string(threshold_onnx())
    del bare.metadata_props[:]
    (tmp_path / "student.onnx").write_bytes(bare.SerializeToString())
    (tmp_path / "classes.json").write_text(json.dumps(CLASSES))
    refused = bpkd("models", "import", tmp_path / "student.onnx", "--name", "street")
    assert (refused.code, "does not name its classes" in refused.err) == (1, True)
    named = ("--classes", tmp_path / "classes.json", "--alias", "production")
    imported = bpkd("models", "import", tmp_path / "student.onnx", "--name", "street", *named)
    assert imported.out == "street@1 is registered; production is version 1\n"
    assert "came from elsewhere" in bpkd("models", "card", "street", "--version", "1").out
    bpkd("models", "card", "street", "--version", "1", "--html", "--out", tmp_path / "card.html")
    assert "<h1>street@1</h1>" in (tmp_path / "card.html").read_text()
    prediction = bpkd("predict", image, "--model", "street", "--json").json["id"]
    assert bpkd("models", "trace", prediction, "--json").json["version"] == 1
    assert "promote" in bpkd("models", "history", "street").out
    assert "is in use" in bpkd("models", "delete", "street").err
    assert bpkd("models", "delete", "street", "--alias", "production").out == "street:production is deleted\n"
    assert bpkd("models", "delete", "street", "--version", "1").out == "street@1 is deleted\n"
    assert 'There is no model "street"' in bpkd("models", "show", "street").err  # it went with its last version
