from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.archives import STREETS, packed
from fakes.checker import checking
from fakes.records import TRAINER, add_dataset

from bpkd_core.bundle import ClassInfo
from service.domain.datasets import Dataset
from service.domain.errors import NotFound
from service.domain.intake import take_in
from service.wiring import Service
from worker.checking import Checking, read_findings


def never() -> bool:
    return False


def run(lane: Checking, service: Service, dataset: Dataset, draining: Callable[[], bool] = never) -> Dataset:
    held = lane.claim("worker-1")
    assert held is not None
    assert held.id == dataset.id
    lane.work(held, draining)
    return service.datasets.get(dataset.id)


def test_a_good_dataset_becomes_ready_with_what_was_found(service: Service) -> None:
    """The report is what jobs and people go by."""
    dataset = run(checking(service, TRAINER), service, add_dataset(service, "/data/streets"))
    assert (dataset.state, dataset.sha256, dataset.splits) == ("ready", "d" * 64, {"train": 3})
    assert dataset.classes == (ClassInfo(id=0, name="road", color=(128, 64, 128)),)
    assert dataset.report is not None
    assert dataset.report["sizes"] == {"8x8": 3}


def test_a_dataset_is_checked_as_it_was_asked_for(service: Service) -> None:
    """Missing masks are no mistake where a teacher labels."""
    dataset = run(checking(service, TRAINER), service, add_dataset(service, layout="cvat", labels="mixed"))
    assert dataset.report is not None
    assert (dataset.report["layout"], dataset.report["labels"]) == ("cvat", "mixed")


def test_a_bad_dataset_is_refused_with_its_report(service: Service) -> None:
    """Refused before an hour is trained on it, and with the reasons."""
    dataset = run(checking(service, TRAINER), service, add_dataset(service, "/data/broken"))
    assert dataset.state == "refused"
    assert dataset.report is not None
    assert dataset.report["ok"] is False


def test_a_dataset_that_kills_its_validator_is_refused_in_the_end(service: Service) -> None:
    """A decoder that crashes on a hostile image takes a child down, three times, and nobody else."""
    dataset = add_dataset(service, "/data/deadly")
    for expected in ("validating", "validating", "refused"):
        dataset = run(checking(service, TRAINER), service, dataset)
        assert dataset.state == expected
    assert dataset.error is not None
    assert dataset.error["code"] == "poison"
    assert "SIGKILL" in dataset.error["message"]


def test_an_error_of_the_validator_is_the_datasets_error(service: Service) -> None:
    """A path that is no folder gives no report, but a sentence."""
    code = """print('{"type": "error", "code": "invalid_dataset", "message": "streets is no folder"}'); exit(1)"""
    dataset = run(checking(service, (sys.executable, "-c", code)), service, add_dataset(service))
    assert dataset.state == "refused"
    assert dataset.error is not None
    assert (dataset.error["code"], dataset.error["message"]) == ("invalid_dataset", "streets is no folder")


def test_progress_before_the_report_is_not_taken_for_it(service: Service) -> None:
    """A validator that dies in the middle has said something, but not the last word."""
    code = """print('{"type": "metrics", "step": 1}'); exit(1)"""
    dataset = run(checking(service, (sys.executable, "-c", code)), service, add_dataset(service))
    assert (dataset.state, dataset.attempt) == ("validating", 2)


def test_a_draining_worker_leaves_the_validation_to_another(service: Service) -> None:
    """And does not wait for it: there is nothing to save, even if the validator ignores the signal."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    lane = checking(service, (sys.executable, "-c", code))
    dataset = run(lane, service, add_dataset(service), lambda: True)
    assert (dataset.state, dataset.attempt, dataset.lease.owner) == ("validating", 1, None)


def upload(service: Service, archive: bytes) -> Dataset:
    """A dataset whose archive has come."""
    dataset_id = service.new_id("ds")
    path = str(service.dataset_folders.place(dataset_id))
    service.datasets.add(Dataset(dataset_id, "x", path, service.now(), state="uploading", uploaded=True))
    growing = service.uploads.grow(dataset_id, first=0)
    growing.write(archive)
    return take_in(service.datasets, service.dataset_folders, service.hints, dataset_id, growing.finish())


def test_an_uploaded_dataset_is_unpacked_checked_and_drawn(service: Service) -> None:
    """By the real validator: the archive goes, the files and pictures stay."""
    waiting = upload(service, packed(STREETS))
    dataset = run(checking(service), service, waiting)
    assert (dataset.state, dataset.splits) == ("ready", {"train": 2, "val": 1})
    assert (Path(dataset.path) / "images/train/a.png").is_file()
    assert not service.dataset_folders.archive(dataset.id).exists()
    assert {each.split for each in dataset.samples} == {"train", "val"}
    assert all(service.artifacts.path(each.file.sha256).read_bytes()[1:4] == b"PNG" for each in dataset.samples)


def test_a_hostile_archive_is_refused_with_a_report(service: Service) -> None:
    """F26: nothing of it is left, and the caller learns which entry it was."""
    waiting = upload(service, packed({**STREETS, "../../evil": b"x"}))
    dataset = run(checking(service), service, waiting)
    assert (dataset.state, dataset.error, dataset.sha256) == ("refused", None, None)
    assert dataset.report is not None
    (finding,) = dataset.report["findings"]
    assert (finding["code"], finding["samples"]) == ("unsafe_archive", ["../../evil"])
    assert list(Path(dataset.path).parent.iterdir()) == []


def test_what_was_unpacked_before_is_not_unpacked_again(service: Service) -> None:
    """The worker before this one died after it; the archive may be gone."""
    waiting = upload(service, b"no archive at all")
    Path(waiting.path).mkdir()
    assert run(checking(service, TRAINER), service, waiting).state == "ready"


def test_a_full_disk_is_tried_again(service: Service) -> None:
    """It is no fault of the dataset."""
    code = """print('{"type": "error", "code": "storage_full", "message": "No room is left"}'); exit(1)"""
    dataset = run(checking(service, (sys.executable, "-c", code)), service, add_dataset(service))
    assert (dataset.state, dataset.attempt) == ("validating", 2)


def test_a_deleted_dataset_stops_its_validation(service: Service) -> None:
    """Nobody wants the answer; the child goes with the next heartbeat."""
    dataset = add_dataset(service)
    lane = checking(service, (sys.executable, "-c", "import signal; signal.pause()"))
    held = lane.claim("worker-1")
    assert held is not None
    service.datasets.delete(dataset.id)
    lane.work(held, never)
    with pytest.raises(NotFound):
        service.datasets.get(dataset.id)


def test_nothing_is_left_on_the_disk(service: Service) -> None:
    """The report is in the store; the folder was only for the child's log."""
    run(checking(service, TRAINER), service, add_dataset(service))
    assert list((service.settings.home / "checks").iterdir()) == []


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"ok": True},
        {"ok": True, "sha256": "d", "classes": [{"id": -1, "name": "x", "color": [0, 0, 0]}], "splits": []},
        {"ok": True, "sha256": "d", "classes": 7, "splits": []},
        {"ok": True, "sha256": "d", "classes": [], "splits": [None]},
    ],
)
def test_what_is_no_report_is_no_verdict(report: dict[str, object]) -> None:
    """A dataset must never become ready by accident."""
    assert read_findings(report) is None


def test_only_a_clear_yes_makes_a_dataset_ready() -> None:
    """`ok` is a boolean; anything else that looks true is not."""
    findings = read_findings({"ok": "no", "sha256": "", "classes": [], "splits": []})
    assert findings is not None
    assert (findings.ready, findings.sha256) == (False, None)
