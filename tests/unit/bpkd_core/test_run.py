"""The recipe from a folder of images to a bundle, on ten small scenes and four steps."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.specks import speck_spec, speck_teacher, speck_train
from markupsafe import escape
from PIL import Image
from safetensors.torch import save_file

from bpkd_core.bundle import Bundle, describe
from bpkd_core.data import FolderDataset, fingerprint
from bpkd_core.errors import InvalidCheckpoint, InvalidDataset, InvalidModel, InvalidSpec, Stopped
from bpkd_core.evaluation import evaluate, session_masks
from bpkd_core.events import STAGES, Event
from bpkd_core.infer import Session
from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.base import downscaled
from bpkd_core.models.checkpoints import reading
from bpkd_core.report import Judged, read_curves, read_report
from bpkd_core.run import run
from bpkd_core.spec import CheckpointTeacher, DistillSpec, parse_spec
from bpkd_core.train.validation import measure_miou

pytestmark = pytest.mark.usefixtures("specks")
CPU = torch.device("cpu")


@dataclass
class Attempt:
    """One call of :func:`run` and what it said."""

    spec: DistillSpec
    folder: Path
    events: list[Event] = field(default_factory=list[Event])

    def go(self, *, until: str | None = None) -> Bundle:
        """until: ask to stop as soon as this stage has ended."""

        def stop() -> bool:
            return until is not None and until in self.stages("finished")

        return run(self.spec, self.folder, self.events.append, stop)

    def stages(self, state: str) -> list[str]:
        return [e.data["stage"] for e in self.events if e.type == "stage" and e.data["state"] == state]

    def messages(self, kind: str) -> list[str]:
        return [event.data["message"] for event in self.events if event.type == kind]

    def again(self, **changes: Any) -> Attempt:
        return Attempt(self.spec.model_copy(update=changes), self.folder)


@pytest.fixture(scope="module")
def finished(scenes: Path, specks: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Attempt, Bundle]:
    """The one whole run of this file, on images reduced by two, with provenance as the worker gives it."""
    plan = speck_train(input_downscale=2)
    spec = parse_spec(speck_spec(scenes, train=plan, provenance={"job_id": "job_1"}))
    attempt = Attempt(spec, tmp_path_factory.mktemp("run") / "work")
    return attempt, attempt.go()


@pytest.fixture
def begin(scenes: Path, tmp_path: Path) -> Callable[..., Attempt]:
    """`begin(**changes of the spec)`: a run in a new folder."""
    return lambda **changes: Attempt(parse_spec(speck_spec(scenes, **changes)), tmp_path / "work")


# What a run leaves behind


def test_a_bundle_names_every_file_with_its_hash(finished: tuple[Attempt, Bundle]) -> None:
    """Complete, and as it was returned."""
    attempt, bundle = finished
    assert Bundle.read(attempt.folder) == bundle
    networks = {"teacher.onnx", "control.onnx", "student.onnx"}
    assert bundle.files.keys() == networks | {"picture.png", "quality.json", "report.html", "manifest.json"}
    assert bundle.dataset_sha256 == fingerprint(attempt.spec.dataset)
    assert [each.name for each in bundle.classes][:2] == ["sky", "building"]


@pytest.mark.parametrize("role", ["teacher", "control", "student"])
def test_the_numbers_are_those_of_the_exported_files(finished: tuple[Attempt, Bundle], role: str) -> None:
    """Anybody can take the file and the data and find the same result."""
    attempt, bundle = finished
    session, data = Session(attempt.folder / f"{role}.onnx"), FolderDataset(attempt.spec.dataset, "test")
    quality, result = evaluate(session_masks(session, data), data), getattr(bundle.result, role)
    assert (result.miou, result.boundary_iou) == (quality.miou, quality.boundary_iou)
    assert (result.edge_miou, result.body_miou) == (quality.edge_miou, quality.body_miou)
    assert read_report(attempt.folder).models[role] == Judged.of(quality, data.names)
    assert (bundle.result.split, bundle.result.images) == ("test", 2)


def test_the_report_says_the_same_as_the_result_and_shows_how_it_came(finished: tuple[Attempt, Bundle]) -> None:
    """One page to send to somebody: the verdict, the curves of all three trainings, every image as a picture."""
    attempt, bundle = finished
    page = (attempt.folder / "report.html").read_text()
    assert read_report(attempt.folder).result == bundle.result
    assert escape(bundle.result.verdict) in page
    assert {(each.model, each.name) for each in read_curves(attempt.folder / "metrics.log")} >= {
        (role, name) for role in ("teacher", "control", "student") for name in ("loss", "val_miou")
    }
    assert all(f'alt="student of {name}"' in page for name in FolderDataset(attempt.spec.dataset, "test").names)


def test_torch_finds_what_the_file_finds(finished: tuple[Attempt, Bundle]) -> None:
    """The curve of a training and the final table measure one thing, reduction and padding included."""
    attempt, bundle = finished
    net = build("speck", num_classes=11)
    load_checkpoint(net, attempt.folder / "networks" / "student.safetensors")
    data = FolderDataset(attempt.spec.dataset, "test")
    miou = measure_miou(downscaled(net, 2), data, device=CPU, precision="fp32")
    assert miou == pytest.approx(bundle.result.student.miou, abs=1e-4)


def test_each_network_is_described(finished: tuple[Attempt, Bundle]) -> None:
    """Size, cost, speed and parity of what is really served."""
    attempt, bundle = finished
    teacher, student = bundle.result.teacher, bundle.result.student
    assert (teacher.arch, student.arch, student.steps) == ("speck_teacher", "speck", 4)
    assert teacher.parameters > student.parameters == 224 + 16 + 584 + 16 + 99
    assert student.onnx_bytes == (attempt.folder / "student.onnx").stat().st_size
    assert (student.latency.height, student.latency.width) == (64, 96)
    assert student.parity.mask_agreement > 0.999
    assert bundle.result.control is not None
    assert bundle.result.control.gflops == student.gflops
    assert bundle.result.verdict.startswith("Against the same student trained without bpkd: ")


def test_a_file_says_where_it_comes_from(finished: tuple[Attempt, Bundle]) -> None:
    """An ONNX file that is found in a year must lead back to its data, its teacher and its job."""
    attempt, bundle = finished
    said = Session(attempt.folder / "student.onnx").metadata
    assert (said["role"], said["arch"], said["method"], said["job_id"]) == ("student", "speck", "bpkd", "job_1")
    assert said["dataset_sha256"] == bundle.dataset_sha256
    assert said["teacher_sha256"] == describe(attempt.folder / "networks" / "teacher.safetensors").sha256
    assert Session(attempt.folder / "control.onnx").metadata["method"] == "none"
    assert bundle.provenance["job_id"] == "job_1"


def test_the_manifest_is_enough_to_run_it_again(finished: tuple[Attempt, Bundle]) -> None:
    """The specification as it was resolved, and the versions that its bits depend on."""
    attempt, _ = finished
    manifest = json.loads((attempt.folder / "manifest.json").read_text())
    assert parse_spec(manifest["spec"]) == attempt.spec
    assert manifest["prepared"]["steps"] == {"teacher": 4, "control": 4, "student": 4}
    assert manifest["versions"]["torch"] == torch.__version__.partition("+")[0]


def test_the_picture_shows_every_network_on_the_evaluated_images(finished: tuple[Attempt, Bundle]) -> None:
    """Six columns and, of two test images, two rows."""
    attempt, _ = finished
    picture = Image.open(io.BytesIO((attempt.folder / "picture.png").read_bytes()))
    assert picture.size == (6 * (270 + 4) + 4, 22 + 2 * (180 + 4) + 4 + 2 * 22)


# What a run says


def test_the_stages_come_in_order_and_once(finished: tuple[Attempt, Bundle]) -> None:
    """The worker adds the last one, `registering`, itself."""
    attempt, _ = finished
    done = [stage for stage in STAGES if stage not in ("probing_teacher", "registering")]
    assert attempt.stages("started") == attempt.stages("finished") == done
    assert attempt.stages("skipped") == ["probing_teacher"]


def test_the_whole_run_advances_and_never_falls_back(finished: tuple[Attempt, Bundle]) -> None:
    """A person watches one bar from the first training to the last image."""
    attempt, _ = finished
    percents = [event.data["percent"] for event in attempt.events if "percent" in event.data]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert all(event.data["eta_seconds"] >= 0 for event in attempt.events if "eta_seconds" in event.data)


# Coming back


def test_a_finished_run_returns_at_once(finished: tuple[Attempt, Bundle]) -> None:
    """A worker that died while it published asks again."""
    attempt, bundle = finished
    again = attempt.again()
    assert again.go(until="preparing_data") == bundle
    assert again.stages("started") == []


def test_a_finished_run_with_a_changed_file_is_refused(finished: tuple[Attempt, Bundle]) -> None:
    """Hashing it anew would bless whatever lies there now."""
    attempt, _ = finished
    path = attempt.folder / "student.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    try:
        with pytest.raises(InvalidModel, match=r"student\.onnx is missing or differs"):
            attempt.again().go()
    finally:
        path.write_bytes(whole)


def test_a_folder_belongs_to_one_specification(finished: tuple[Attempt, Bundle]) -> None:
    """Or one who edits the file and starts again would be shown the old result as the new one."""
    attempt, _ = finished
    with pytest.raises(InvalidSpec, match="holds the run of another specification"):
        attempt.again(name="other").go()


def test_a_folder_may_be_gone_on_with_under_another_jobs_name(finished: tuple[Attempt, Bundle]) -> None:
    """A retry is a new job; what it is called changes nothing of what is trained."""
    attempt, bundle = finished
    assert attempt.again(provenance={"job_id": "job_2"}).go() == bundle


def test_each_evaluation_is_shown_on_the_same_few_images(finished: tuple[Attempt, Bundle]) -> None:
    """One sees that a training goes wrong long before its numbers are trusted."""
    attempt, _ = finished
    previews = [event.data for event in attempt.events if event.type == "preview"]
    judged = [e.data for e in attempt.events if e.type == "metrics" and "val_miou" in e.data["values"]]
    assert [(each["stage"], each["step"]) for each in previews] == [(each["stage"], each["step"]) for each in judged]
    for each in previews:
        with Image.open(attempt.folder / each["path"]) as picture:
            assert picture.width > 4 * picture.height / 3  # four columns of two images
            assert len(picture.convert("P").getcolors() or ()) > 4


def test_a_short_control_takes_a_tenth_of_the_steps_and_is_not_compared(begin: Callable[..., Attempt]) -> None:
    """Its numbers would flatter the student; that it trains at all is what it is for."""
    attempt = begin(control="short", train=speck_train(steps=20))
    found = attempt.go().result
    assert found.control is not None
    assert (found.control.steps, found.student.steps) == (2, 20)
    assert found.gap_closed.value is None
    assert "2 steps" in (found.gap_closed.reason or "")
    assert "do not compare" in found.verdict


def test_a_run_on_other_data_than_its_specification_names_is_refused(begin: Callable[..., Attempt]) -> None:
    """An exact repeat on files that have changed since would be believed."""
    with pytest.raises(InvalidDataset, match="expected " + "e" * 64):
        begin(dataset_sha256="e" * 64).go()


def test_a_run_goes_on_with_its_teachers_file_wherever_it_lies_and_with_no_other(
    begin: Callable[..., Attempt], tmp_path: Path
) -> None:
    """A second attempt may have it in another folder; other weights under the same name are another run."""
    (tmp_path / "moved").mkdir()
    paths = [tmp_path / "their.pth", tmp_path / "moved" / "their.pth"]
    torch.save(speck_teacher(11).state_dict(), paths[0])
    teacher = CheckpointTeacher(arch="speck_teacher", path=paths[0])
    first = begin(teacher=teacher.model_dump(mode="json"), control="none")
    with pytest.raises(Stopped, match="Stopped before training_student"):
        first.go(until="probing_teacher")
    paths[0].replace(paths[1])
    moved = first.again(teacher=teacher.model_copy(update={"path": paths[1]}))
    with pytest.raises(Stopped, match="Stopped before training_student"):
        moved.go(until="probing_teacher")
    paths[1].write_bytes(b"other weights")
    with pytest.raises(InvalidModel, match=r"their\.pth has changed since it was probed"):
        moved.go()


def test_a_run_that_was_stopped_repeats_no_stage(begin: Callable[..., Attempt]) -> None:
    """Between two stages, and before anything is exported."""
    first = begin(method={"type": "none"})
    with pytest.raises(Stopped, match="Stopped before training_control"):
        first.go(until="training_teacher")
    second = first.again()
    with pytest.raises(Stopped, match="Stopped before exporting"):
        second.go(until="training_student")
    assert first.stages("started") == ["preparing_data", "training_teacher"]
    assert second.stages("started") == ["training_control", "training_student"]
    networks = first.folder / "networks"
    control, student = (networks / f"{role}.safetensors" for role in ("control", "student"))
    assert control.read_bytes() == student.read_bytes()  # the same weights, batches and dropout; and no distillation


def test_a_run_keeps_its_number_of_threads(begin: Callable[..., Attempt]) -> None:
    """It decides the order of sums: resumed with another one, a run would end with other bits."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        first = begin()
        with pytest.raises(Stopped):
            first.go(until="preparing_data")
        torch.set_num_threads(1)
        with pytest.raises(Stopped):
            first.again().go(until="preparing_data")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


# Teachers and budgets


def test_a_given_teacher_is_tried_before_anything_is_trained(
    finished: tuple[Attempt, Bundle], begin: Callable[..., Attempt]
) -> None:
    """Four steps make a poor teacher; whoever brings one should hear that now and not in two days."""
    path = finished[0].folder / "networks" / "teacher.safetensors"
    attempt = begin(teacher={"type": "checkpoint", "arch": "speck_teacher", "path": str(path)}, control="none")
    with pytest.raises(Stopped, match="Stopped before training_student"):
        attempt.go(until="probing_teacher")
    assert attempt.stages("started") == ["preparing_data", "probing_teacher"]
    assert attempt.stages("skipped") == ["training_teacher", "training_control"]
    said = " ".join(attempt.messages("warning"))
    assert re.search(r"The teacher scores only .* mIoU; check its classes, their order and its weights", said)


def test_a_checkpoint_is_opened_in_a_child_process_once(
    begin: Callable[..., Attempt], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seconds at each stage otherwise, for a file that does not change."""
    torch.save(speck_teacher(11).state_dict(), tmp_path / "their.pth")
    attempt = begin(teacher={"type": "checkpoint", "arch": "speck_teacher", "path": str(tmp_path / "their.pth")})
    with pytest.raises(Stopped, match="Stopped before training_control"):
        attempt.go(until="probing_teacher")
    monkeypatch.setattr(reading, "run_limited", None)
    with pytest.raises(Stopped, match="Stopped before exporting"):
        attempt.go(until="training_student")


def test_a_teacher_of_other_classes_is_refused_before_anything_is_trained(
    begin: Callable[..., Attempt], tmp_path: Path
) -> None:
    """The commonest mistake with a borrowed checkpoint, told by the layer that does not fit."""
    save_file(speck_teacher(19).state_dict(), tmp_path / "cityscapes.safetensors")
    path = str(tmp_path / "cityscapes.safetensors")
    attempt = begin(teacher={"type": "checkpoint", "arch": "speck_teacher", "path": path})
    with pytest.raises(InvalidCheckpoint, match=r"head\.1\.weight is 19x16x1x1 and should be 11x16x1x1"):
        attempt.go()
    assert not (attempt.folder / "checkpoints").exists()


def test_a_budget_decides_the_steps(begin: Callable[..., Attempt]) -> None:
    """Half a minute is less than three exports take: everybody gets the least, and hears so."""
    attempt = begin(budget_minutes=0.5)
    with pytest.raises(Stopped):
        attempt.go(until="preparing_data")
    assert attempt.messages("log") == ["0.5 minutes: steps {'teacher': 20, 'control': 20, 'student': 20}."]
