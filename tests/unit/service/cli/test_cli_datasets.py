"""`bpkd datasets`: a folder or an archive becomes a dataset of a server, is looked at, and goes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.archives import STREETS, packed, written
from fakes.checker import checker
from fakes.records import add_job

from service.client import Client
from service.schemas import Dataset
from service.wiring import Service

online = pytest.mark.usefixtures("url")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "streets.zip"
    path.write_bytes(packed(STREETS))
    return path


def create(url: str) -> Dataset:
    """One that waits for its content."""
    with Client(url) as client:
        return client.datasets.create("streets")


@online
def test_an_archive_is_sent_checked_and_looked_at(bpkd: Bpkd, service: Service, archive: Path, tmp_path: Path) -> None:
    """From a colleague's zip to the id that a job names, and to pictures of what the masks say."""
    with checker(service):
        answer = bpkd("datasets", "create", archive, "--json")
    dataset = Dataset.model_validate_json(answer.out)
    assert (answer.code, dataset.state, dataset.name, dataset.path) == (0, "ready", "streets", None)
    assert f"Sending streets.zip to {dataset.id}" in answer.err
    assert bpkd("datasets", "report", dataset.id, "--json").json["ok"] is True
    assert "uploaded" in bpkd("datasets", "show", dataset.id).out
    listed = bpkd("datasets", "samples", dataset.id, "--out", tmp_path / "pictures", "--json").json["data"]
    assert {each["split"] for each in listed} == {"train", "val"}
    assert len(list((tmp_path / "pictures").glob("*.png"))) == len(listed)


@online
def test_a_folder_that_the_server_cannot_read_is_packed_and_sent(bpkd: Bpkd, service: Service, tmp_path: Path) -> None:
    """The server may be another machine; links are followed here, where they mean something."""
    written(STREETS, tmp_path / "mine")
    (tmp_path / "mine" / "images" / "train" / "link.png").symlink_to("a.png")
    (tmp_path / "mine" / "masks" / "train" / "link.png").symlink_to("a.png")
    with checker(service):
        answer = bpkd("datasets", "create", tmp_path / "mine", "--upload", "--name", "yours", "--json")
    assert (answer.code, answer.json["name"]) == (0, "yours")
    assert sum(answer.json["splits"].values()) == 4


def test_an_upload_that_was_broken_off_is_gone_on_with(bpkd: Bpkd, service: Service, url: str, archive: Path) -> None:
    """By the id that the first try said; nothing is sent twice."""
    made = create(url)
    growing = service.uploads.grow(made.id, first=0)
    growing.write(archive.read_bytes()[:100])
    growing.close()
    with checker(service):
        answer = bpkd("datasets", "upload", made.id, archive)
    assert answer.code == 0, answer.err
    again = bpkd("datasets", "upload", made.id, archive)
    assert again.code == 0, "what is there already is no error"


@online
def test_an_unsafe_archive_ends_with_status_1_and_the_sentence(bpkd: Bpkd, service: Service, tmp_path: Path) -> None:
    """The finding names the entry, online as offline."""
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO())
    with checker(service):
        sent = bpkd("datasets", "create", tmp_path / "evil.tar")
    checked = bpkd("dataset", "check", tmp_path / "evil.tar")
    for answer in (sent, checked):
        assert answer.code == 1
        assert "unsafe_archive" in answer.out
        assert "../evil" in answer.out


def test_an_archive_is_checked_offline(bpkd: Bpkd, archive: Path) -> None:
    """The same report as of its folder, before anything is sent; nothing is left beside it."""
    answer = bpkd("dataset", "check", archive, "--json")
    assert (answer.code, answer.json["ok"]) == (0, True)
    folder = written(STREETS, archive.parent / "streets")
    assert bpkd("dataset", "check", folder, "--json").json["sha256"] == answer.json["sha256"]


def test_a_dataset_is_deleted_unless_somebody_needs_it(bpkd: Bpkd, service: Service, url: str) -> None:
    """And the refusal says who."""
    job = add_job(service)
    refused = bpkd("datasets", "delete", job.dataset_id)
    assert refused.code == 1
    assert job.id in refused.err
    made = create(url)
    assert bpkd("datasets", "delete", made.id).code == 0
    assert bpkd("datasets", "show", made.id).code == 1
