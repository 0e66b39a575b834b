"""The recipe where not everybody has labelled: a teacher's answers are learned, and agreement is measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fakes.specks import speck_spec, speck_teacher, speck_train
from safetensors.torch import save_file

from bpkd_core.bundle import Bundle
from bpkd_core.data import FolderDataset
from bpkd_core.data.folder import UNLABELLED
from bpkd_core.errors import BpkdError, InvalidSpec, Stopped
from bpkd_core.events import Event
from bpkd_core.export import export_onnx
from bpkd_core.infer import Session
from bpkd_core.infer.contract import LOGITS
from bpkd_core.infer.protobuf import with_output
from bpkd_core.infer.windows import Slider, session_scores
from bpkd_core.metrics import evaluate_masks
from bpkd_core.run import run
from bpkd_core.spec import parse_spec
from service.cli.output import console
from service.cli.report import draw_result

pytestmark = pytest.mark.usefixtures("specks")
SLIDE = {"mode": "slide", "window": [48, 64], "stride": [32, 48]}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A given teacher; what it says does not matter here."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    torch.manual_seed(1)
    save_file(speck_teacher(11).state_dict(), path)
    return {"type": "checkpoint", "arch": "speck_teacher", "path": str(path)}


def without_masks(scenes: Path, root: Path, *splits: str) -> Path:
    shutil.copytree(scenes, root)
    for split in splits:
        shutil.rmtree(root / "masks" / split)
    return root


@pytest.fixture(scope="module")
def finished(
    scenes: Path, specks: None, teacher: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Bundle, list[Event]]:
    """The one whole run of this file: photographs alone, judged in windows."""
    home = tmp_path_factory.mktemp("unlabelled")
    data = without_masks(scenes, home / "photographs", "train", "val", "test")
    spec = parse_spec(speck_spec(data, teacher=teacher, labels="teacher", eval=SLIDE))
    events: list[Event] = []
    return home / "work", run(spec, home / "work", events.append), events


def test_photographs_alone_make_a_student_and_its_score_is_called_agreement(
    finished: tuple[Path, Bundle, list[Event]],
) -> None:
    """Nobody knows how right a teacher is here; calling that accuracy would be a lie."""
    folder, bundle, _ = finished
    result = bundle.result
    assert (result.reference, result.images) == ("teacher", 2)
    assert result.teacher.miou == 1.0
    assert "in agreement with the teacher, which is not accuracy" in result.verdict
    assert json.loads((folder / "quality.json").read_text())["reference"] == "teacher"
    assert "agreement" in (folder / "report.html").read_text()
    screen = console()
    with screen.capture() as said:
        screen.print(draw_result(result))
    assert "agreement with the teacher, not accuracy" in " ".join(said.get().split())


def test_the_numbers_are_those_of_the_files_in_windows(finished: tuple[Path, Bundle, list[Event]]) -> None:
    """Anybody can take the two files and find the same agreement."""
    folder, bundle, _ = finished
    data = FolderDataset(folder.parent / "photographs", "test", unlabelled="only")

    def masks(role: str) -> list[np.ndarray]:
        score = session_scores(Session(with_output((folder / f"{role}.onnx").read_bytes(), LOGITS)))
        return [Slider(score, (48, 64), (32, 48)).predict(sample.image_HW3) for sample in data]

    quality = evaluate_masks(zip(masks("student"), masks("teacher"), strict=True), 11)
    assert bundle.result.student.miou == quality.miou
    assert Session(folder / "student.onnx").outputs == ("mask",)


def test_the_run_says_that_it_could_not_try_its_teacher(finished: tuple[Path, Bundle, list[Event]]) -> None:
    """A teacher that is fed the wrong colours would go unnoticed."""
    _, _, events = finished
    said = [event.data["message"] for event in events if event.type == "log"]
    assert any("cannot be tried" in message for message in said)


def test_the_control_learns_the_same_labels_and_no_more(finished: tuple[Path, Bundle, list[Event]]) -> None:
    """Or the gain of the method would be that of having labels at all."""
    _, _, events = finished
    values: dict[str, dict[str, float]] = {
        event.data["stage"]: event.data["values"] for event in events if event.type == "metrics"
    }
    control, student = values["training_control"], values["training_student"]
    assert control["ce"] > 0
    assert control["distillation"] == 0
    assert student["distillation"] > 0
    assert student["edge"] > 0  # edges of the teacher's prediction: there are no others
    assert 0 < student["val_miou"] < 1


def test_masks_where_there_are_some_and_the_teacher_where_there_are_none(
    scenes: Path, teacher: dict[str, str], tmp_path: Path
) -> None:
    """The common case: a part is labelled. What is measured is accuracy, on the labels that there are."""
    data = tmp_path / "mixed"
    shutil.copytree(scenes, data)
    masks = sorted((data / "masks" / "train").iterdir())
    for mask in masks[::2]:
        mask.unlink()
    spec = parse_spec(speck_spec(data, teacher=teacher, labels="mixed", control="none"))
    events: list[Event] = []
    bundle = run(spec, tmp_path / "work", events.append)
    values = [event.data["values"] for event in events if event.type == "metrics" and "ce" in event.data["values"]]
    assert bundle.result.reference == "labels"
    assert (bundle.result.student.miou or 0) < 1
    assert values[-1]["ce"] > 0
    assert values[-1]["edge"] > 0
    assert FolderDataset(data, "train", unlabelled="keep").labelled == len(masks) - len(masks[::2])


# Before anything is trained


def test_an_onnx_teacher_is_taken_as_it_is_where_nothing_is_labelled(scenes: Path, tmp_path: Path) -> None:
    """It is opened in its child process and asked once; which colours it wants, no label can say."""
    data = without_masks(scenes, tmp_path / "photographs", "train", "val", "test")
    classes = list(FolderDataset(scenes, "val").classes)
    torch.manual_seed(1)
    export_onnx(speck_teacher(11).eval(), tmp_path / "teacher.onnx", classes=classes, outputs=("mask", "logits"))
    teacher = {"type": "onnx", "path": str(tmp_path / "teacher.onnx")}
    events: list[Event] = []

    def probed() -> bool:
        done = [e.data["stage"] for e in events if e.type == "stage" and e.data["state"] == "finished"]
        return "probing_teacher" in done

    with pytest.raises(Stopped):
        run(parse_spec(speck_spec(data, teacher=teacher, labels="teacher")), tmp_path / "work", events.append, probed)
    kept = json.loads((tmp_path / "work" / "stages" / "probing_teacher.json").read_text())
    assert kept["val_miou"] is None
    assert kept["reading"]["channels"] == [[number] for number in range(11)]


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., list[Event]]:
    """Run the first stage of a specification."""

    def begin(data: Path, **changes: Any) -> list[Event]:
        events: list[Event] = []
        done = lambda: any(e.type == "stage" and e.data["state"] == "finished" for e in events)  # noqa: E731
        with pytest.raises(Stopped):
            run(parse_spec(speck_spec(data, **changes)), tmp_path / "work", events.append, done)
        return events

    return begin


def test_mixed_labels_take_every_image(
    scenes: Path, teacher: dict[str, str], tmp_path: Path, prepare: Callable[..., list[Event]]
) -> None:
    """People's labels where there are some, and val is measured on those alone."""
    data = without_masks(scenes, tmp_path / "mixed")
    shutil.copytree(data / "images" / "test", data / "images" / "unlabeled")
    for name in ("00000", "00003"):
        (data / "masks" / "train" / f"{name}.png").unlink()
    (data / "masks" / "val" / "00000.png").unlink()
    prepare(data, teacher=teacher, labels="mixed")
    prepared = json.loads((tmp_path / "work" / "stages" / "preparing_data.json").read_text())
    assert prepared["split"] == "test"
    kept = FolderDataset(data, "train", unlabelled="keep")
    assert sum((sample.labels_HW == UNLABELLED).all() for sample in kept) == 4
    assert len(FolderDataset(data, "val", unlabelled="drop")) == 1


def test_a_teacher_that_is_trained_needs_labels_for_itself_only(
    scenes: Path, tmp_path: Path, prepare: Callable[..., list[Event]]
) -> None:
    """Trained on the labelled part, it labels all for its student."""
    data = without_masks(scenes, tmp_path / "labelled")
    (data / "masks" / "train" / "00000.png").unlink()
    prepare(data, labels="teacher")
    assert len(FolderDataset(data, "train", unlabelled="drop")) == 5


def refuse(data: Path, folder: Path, **changes: Any) -> BpkdError:
    with pytest.raises(BpkdError) as refusal:
        run(parse_spec(speck_spec(data, **changes)), folder)
    return refusal.value


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_teacher_cannot_be_trained_where_nothing_is_labelled(split: str, scenes: Path, tmp_path: Path) -> None:
    """It is where the labels should come from."""
    data = without_masks(scenes, tmp_path / "data", split)
    error = refuse(data, tmp_path / "work", labels="teacher")
    assert isinstance(error, InvalidSpec)
    assert error.param == "teacher.type"
    assert f"No image of {split} is labelled" in error.message


def test_weights_cannot_be_balanced_without_labels_to_count(
    scenes: Path, teacher: dict[str, str], tmp_path: Path
) -> None:
    """Every class would weigh the same infinity."""
    data = without_masks(scenes, tmp_path / "data", "train")
    plan = speck_train(class_weights="balanced")
    error = refuse(data, tmp_path / "work", teacher=teacher, labels="teacher", train=plan)
    assert error.param == "train.class_weights"


def test_the_mark_of_an_unlabelled_pixel_is_no_class(scenes: Path, teacher: dict[str, str], tmp_path: Path) -> None:
    """255 classes leave no value for it."""
    data = without_masks(scenes, tmp_path / "data")
    classes = [{"id": number, "name": str(number), "color": [0, 0, 0]} for number in range(255)]
    (data / "classes.json").write_text(json.dumps(classes))
    error = refuse(data, tmp_path / "work", teacher=teacher, labels="mixed")
    assert (error.code, error.param) == ("invalid_dataset", "labels")
    assert "at most 254" in error.message


def test_images_without_masks_are_refused_where_labels_are_the_datasets(scenes: Path, tmp_path: Path) -> None:
    """A forgotten folder of masks must not become a label-free training."""
    data = without_masks(scenes, tmp_path / "data", "train")
    error = refuse(data, tmp_path / "work")
    assert "Images without a mask: 6" in error.message
    assert "labels: mixed" in (error.hint or "")
