"""`bpkd teachers`: a file is sent, probed and shown, and one sentence says what to do with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.prober import prober
from fakes.records import add_ready_dataset
from fakes.teachers import add_teacher

from service.schemas import Teacher, TeacherProbe
from service.wiring import Service

pytestmark = pytest.mark.usefixtures("url")


def send(bpkd: Bpkd, service: Service, content: bytes, *options: str | Path) -> tuple[int, Teacher]:
    """Register a file that holds what the fake trainer reads."""
    path = service.settings.home.parent / "theirs.onnx"
    path.write_bytes(content)
    dataset = add_ready_dataset(service)
    with prober(service):
        answer = bpkd("teachers", "register", path, "--dataset", dataset.id, "--json", *options)
    return answer.code, Teacher.model_validate_json(answer.out)


def test_a_file_is_sent_probed_and_shown(bpkd: Bpkd, service: Service) -> None:
    """One command, from a colleague's file to the id that a job names."""
    code, teacher = send(bpkd, service, b"good", "--name", "segformer")
    assert (code, teacher.state, teacher.name, teacher.size) == (0, "ready", "segformer", 4)
    shown = bpkd("teachers", "show", teacher.id).out
    assert teacher.id in shown
    assert "79.0 %" in shown
    assert teacher.id in bpkd("teachers", "list", "--state", "ready").out
    found = TeacherProbe.model_validate_json(bpkd("teachers", "probe", teacher.id, "--json").out)
    assert found.miou == 0.79
    assert "79.0 % mIoU on 2 images" in bpkd("teachers", "probe", teacher.id).out


def test_a_refused_file_ends_with_status_1_and_the_sentence(bpkd: Bpkd, service: Service) -> None:
    """A script that registers teachers must stop here."""
    for content, said in ((b"wrong", "79% with BGR"), (b"unsafe", "the file is unsafe")):
        code, teacher = send(bpkd, service, content)
        assert (code, teacher.state) == (1, "refused")
        assert said in bpkd("teachers", "show", teacher.id).out


def test_what_is_given_is_registered_to_be_checked(bpkd: Bpkd, service: Service, tmp_path: Path) -> None:
    """The same options as `bpkd teacher probe` has, and the network of a checkpoint."""
    (tmp_path / "map.json").write_text('{"0": "road", "1": "sky"}')
    options = ("--color", "bgr", "--scale", "1", "--class-map", tmp_path / "map.json")
    _, teacher = send(bpkd, service, b"good", *options)
    assert teacher.file["classes"] == {"0": "road", "1": "sky"}
    assert isinstance(teacher.file["input"], dict)
    assert (teacher.file["input"]["color"], teacher.file["input"]["scale"]) == ("bgr", 1)
    _, teacher = send(bpkd, service, b"good", "--arch", "ddrnet_23")
    assert teacher.file == {"type": "checkpoint", "arch": "ddrnet_23"}


def test_a_file_of_the_server_is_not_sent(bpkd: Bpkd, service: Service, tmp_path: Path) -> None:
    """It lies in an import root; here it need not even exist."""
    (tmp_path / "theirs.onnx").write_bytes(b"good")
    dataset = add_ready_dataset(service)
    with prober(service):
        answer = bpkd("teachers", "register", tmp_path / "theirs.onnx", "--on-server", "--dataset", dataset.id)
    assert answer.code == 0, answer.err
    assert "Sending" not in answer.err
    missing = bpkd("teachers", "register", "nowhere.onnx", "--dataset", dataset.id)
    assert missing.code == 2
    assert "There is no file nowhere.onnx" in missing.err


def test_a_teacher_is_forgotten(bpkd: Bpkd, service: Service) -> None:
    """And asking for it again is an error with a sentence."""
    teacher = add_teacher(service)
    assert bpkd("teachers", "delete", teacher.id).code == 0
    answer = bpkd("teachers", "show", teacher.id)
    assert (answer.code, answer.err.splitlines()[0]) == (1, f'There is no teacher "{teacher.id}".')
