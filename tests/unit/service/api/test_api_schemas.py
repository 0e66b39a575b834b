"""What the wire format takes, and what it forgives."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bpkd_core.errors import InvalidSpec, UnknownName
from bpkd_core.spec import CheckpointTeacher, OnnxTeacher, TrainedTeacher
from service.api.examples import BY_SCHEMA
from service.schemas import DatasetRequest, Job, JobRequest

SMALLEST = {"dataset": "ds_" + "0" * 26, "student": {"arch": "ddrnet_23_nano"}}


def test_a_dataset_and_a_student_are_enough() -> None:
    # every other field has a good default
    request = JobRequest.model_validate(SMALLEST)
    assert (request.method.type, request.control) == ("bpkd", "full")
    assert request.teacher == TrainedTeacher(arch="pspnet_r101")
    assert request.registration is None


def test_a_request_says_the_same_after_a_round_trip() -> None:
    # the stored request is what the worker runs
    request = JobRequest.model_validate({**SMALLEST, "register": {"model": "street", "gates": {"miou_min": 0.5}}})
    assert JobRequest.model_validate_json(request.model_dump_json(by_alias=True)) == request
    assert request.model_dump(by_alias=True)["register"]["model"] == "street"


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_an_unknown_network_is_blamed_on_its_role(role: str) -> None:
    # "network" alone would leave open which of the two
    with pytest.raises(UnknownName, match=f'Unknown {role} "ddrnet_23_nan"') as caught:
        JobRequest.model_validate({**SMALLEST, role: {"arch": "ddrnet_23_nan"}})
    assert caught.value.param == f"{role}.arch"


@pytest.mark.parametrize(
    "change",
    [{"stduent": {}}, {"budget_minutes": float("nan")}, {"budget_minutes": float("inf")}, {"control": "brief"}],
)
def test_requests_refuse_what_they_do_not_know(change: dict[str, object]) -> None:
    # a typo that is ignored costs a night of training
    with pytest.raises(ValidationError):
        JobRequest.model_validate({**SMALLEST, **change})


def test_answers_forgive_what_they_do_not_know() -> None:
    # an old client reads a new server
    job = Job.model_validate({**BY_SCHEMA["Job"], "mood": "good"})
    assert job.id == BY_SCHEMA["Job"]["id"]


def test_values_are_frozen() -> None:
    # a request that changed on its way would not be what was asked
    request = DatasetRequest(name="x", path="/data")
    with pytest.raises(ValidationError):
        request.name = "y"


def test_a_teacher_is_trained_unless_it_is_given() -> None:
    # a request of the time before there were other teachers still means what it meant
    for given, kind in (
        ({"arch": "pspnet_r18"}, TrainedTeacher),
        ({"type": "checkpoint", "arch": "pspnet_r18", "path": "/data/t.pth"}, CheckpointTeacher),
        ({"type": "onnx", "path": "/data/t.onnx"}, OnnxTeacher),
    ):
        request = JobRequest.model_validate({**SMALLEST, "teacher": given})
        assert isinstance(request.teacher, kind)
        assert JobRequest.model_validate_json(request.model_dump_json(by_alias=True)) == request


def test_a_method_of_features_is_refused_where_the_teacher_shows_none() -> None:
    # before the job waits a day for a worker that could only say the same
    with pytest.raises(InvalidSpec, match="compares features") as caught:
        JobRequest.model_validate(
            {**SMALLEST, "teacher": {"type": "onnx", "path": "/data/t.onnx"}, "method": {"type": "skd"}}
        )
    assert caught.value.param == "method.type"
