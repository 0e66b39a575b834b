from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.teachers import classes

from bpkd_core.bundle import FileInfo
from bpkd_core.errors import BpkdError, InvalidModel, InvalidSpec
from service.domain import checks, teachers
from service.domain.datasets import Dataset
from service.domain.errors import Conflict
from service.domain.repetition import request_from
from service.domain.teachers import Teacher

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
STREETS = classes("road", "sky", "tree")
FILE = FileInfo(sha256="a" * 64, size=7)
NEW = Teacher("tch_1", "theirs", {"type": "onnx"}, "ds_1", STREETS, NOW)
THERE = teachers.receive(NEW, NOW, info=FILE)
HELD = checks.claim(THERE, NOW, owner="w1", lease_s=60)
DATASET = Dataset("ds_2", "streets", "/data", NOW, state="ready", classes=STREETS)
FINE = {"severity": "warning", "code": "missing_class", "message": "The teacher does not know sign."}
WRONG = {"severity": "error", "code": "wrong_input", "message": "3% with these settings, 79% with BGR."}


def concluded(*findings: dict[str, str]) -> Teacher:
    return teachers.conclude(HELD, NOW, probe={"miou": 0.8, "findings": list(findings)})


def refusal(teacher: Teacher, dataset: Dataset = DATASET, method: str = "bpkd") -> BpkdError:
    with pytest.raises(BpkdError) as refused:
        teachers.require_fit(teacher, dataset, method=method)
    return refused.value


def test_a_teacher_waits_from_its_file_to_its_probe() -> None:
    """`waits` is what the claim's query asks; a file that has not come cannot be tried."""
    states = [NEW, THERE, HELD, concluded(), checks.give_back(HELD, NOW)]
    assert [each.waits for each in states] == [False, True, False, False, True]


def test_a_file_comes_once() -> None:
    """The same bytes again are a lost answer; other bytes would be another teacher."""
    assert teachers.receive(HELD, NOW, info=FILE) == HELD
    with pytest.raises(Conflict, match="its content never changes"):
        teachers.receive(THERE, NOW, info=FileInfo(sha256="b" * 64, size=7))


def test_a_probe_refuses_for_an_error_only() -> None:
    """A warning is to be read; an error is to be mended first, and its sentence is the teacher's."""
    ready, refused = concluded(FINE), concluded(FINE, WRONG)
    assert (ready.state, ready.error, ready.lease.owner, ready.checked_at) == ("ready", None, None, NOW)
    assert refused.state == "refused"
    assert refused.error is not None
    assert (refused.error["code"], refused.error["message"]) == ("invalid_model", WRONG["message"])


def test_a_ready_teacher_of_the_same_classes_may_teach_any_dataset() -> None:
    """Not only the one that it was tried on."""
    teachers.require_fit(concluded(FINE), DATASET, method="bpkd")


@pytest.mark.parametrize(
    ("teacher", "kind", "said"),
    [
        (NEW, Conflict, "still waits for its file"),
        (HELD, Conflict, "still waits for the end of its probe"),
        (concluded(WRONG), InvalidModel, "was refused by its probe: 3% with these settings, 79% with BGR."),
    ],
)
def test_one_that_is_not_ready_may_not(teacher: Teacher, kind: type[BpkdError], said: str) -> None:
    """What waits is a conflict, which passes; what was refused stays so."""
    error = refusal(teacher)
    assert type(error) is kind
    assert said in error.message
    assert error.param == "teacher.id"


def test_other_classes_are_named_but_not_all_of_150() -> None:
    """A sentence for people."""
    many = with_classes(classes(*(f"class {number}" for number in range(150))))
    error = refusal(concluded(), many)
    assert isinstance(error, InvalidSpec)
    assert "has 150 classes (class 0, class 1, class 2, class 3, class 4, class 5, ...)" in error.message


def with_classes(found: Any) -> Dataset:
    return DATASET.evolve(classes=found)


def test_a_file_of_scores_shows_no_features() -> None:
    """A checkpoint does."""
    assert refusal(concluded(), method="ifvd").param == "method.type"
    checkpoint = concluded().evolve(file={"type": "checkpoint", "arch": "ddrnet_23"})
    teachers.require_fit(checkpoint, DATASET, method="ifvd")


def test_its_file_has_a_name_of_ours() -> None:
    """Its maker's is data; what it is can be read off ours."""
    assert NEW.evolve(name="../../etc/passwd").file_name == "tch_1.onnx"


def test_a_manifest_leads_back_to_the_registered_teacher() -> None:
    """The file lay in a folder of the run, which has gone; the record has not."""
    provenance = {"dataset_id": "ds_1", "teacher_id": "tch_1"}
    spec = {"student": {"arch": "ddrnet_23"}, "teacher": {"type": "onnx", "path": "/gone"}, "provenance": provenance}
    request = request_from({"spec": spec, "prepared": {"dataset_sha256": "d" * 64, "steps": {}}})
    assert request["teacher"] == {"type": "registered", "id": "tch_1"}
