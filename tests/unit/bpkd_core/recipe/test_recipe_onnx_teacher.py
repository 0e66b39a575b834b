"""A run whose teacher is somebody's ONNX file: tried, learnt from, judged as it is, and named by its hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.colours import CLASSES, colour_teacher, weights_of, write_blocks
from fakes.specks import speck_teacher, speck_train
from safetensors.torch import save_file
from torch import Tensor

from bpkd_core.bundle import Bundle, describe
from bpkd_core.errors import BpkdError, InvalidCheckpoint, InvalidInput, InvalidModel, Stopped
from bpkd_core.events import Event
from bpkd_core.foreign.findings import NORMALISATIONS
from bpkd_core.run import run
from bpkd_core.spec import DistillSpec, OnnxTeacher, parse_spec
from bpkd_core.spec.foreign import Pixels

pytestmark = pytest.mark.usefixtures("specks")
BGR_BYTES = NORMALISATIONS["pixels from 0 to 255"].model_copy(update={"color": "bgr"})


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("data") / "blocks")


def spec_of(blocks: Path, path: Path, **changes: Any) -> DistillSpec:
    teacher = {"type": "onnx", "path": str(path), **changes.pop("teacher", {})}
    fields = {"dataset": str(blocks), "student": {"arch": "speck"}, "teacher": teacher, "train": speck_train()}
    return parse_spec({**fields, "control": "none", **changes})


def given(spec: DistillSpec) -> Path:
    assert isinstance(spec.teacher, OnnxTeacher)
    return spec.teacher.path


Finished = tuple[DistillSpec, Path, Bundle, list[Event]]


@pytest.fixture(scope="module")
def finished(blocks: Path, specks: None, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The one whole run of this file: the teacher sees BGR bytes, gives probabilities and does not know signs."""
    folder = tmp_path_factory.mktemp("run")
    path = colour_teacher(folder / "theirs.onnx", pixels=BGR_BYTES, kind="probabilities", known=(0, 1, 2, 4))
    classes = {"0": "road", "1": "sky", "2": "tree", "3": "car"}
    spec = spec_of(blocks, path, teacher={"classes": classes}, train=speck_train(input_downscale=2, crop=[32, 64]))
    events: list[Event] = []
    return spec, folder / "work", run(spec, folder / "work", events.append), events


def test_the_teacher_is_judged_by_its_own_file(finished: Finished) -> None:
    """There is no torch network to count operations of or to compare with, and that is said by null."""
    spec, _, bundle, _ = finished
    teacher = bundle.result.teacher
    assert teacher.arch == "onnx:theirs.onnx"
    assert (teacher.parity, teacher.gflops, teacher.parameters, teacher.steps) == (None, None, 16, None)
    assert teacher.per_class_iou["sign"] == 0.0
    assert (teacher.per_class_iou["car"] or 0) > 0.8
    assert teacher.onnx_bytes == given(spec).stat().st_size
    assert bundle.result.student.parity is not None


def test_the_given_file_is_named_by_its_hash_and_not_copied(finished: Finished) -> None:
    """It may be a gigabyte, and it may not be ours to pass on."""
    spec, folder, bundle, _ = finished
    assert "teacher.onnx" not in bundle.files
    assert bundle.provenance["teacher_sha256"] == describe(given(spec)).sha256
    assert Bundle.read(folder) == bundle


def test_how_the_teacher_was_read_is_in_the_manifest_and_in_the_events(finished: Finished) -> None:
    """A result that hangs on a guess must say what was guessed."""
    _, folder, _, events = finished
    probed = json.loads((folder / "manifest.json").read_text())["probed"]
    assert probed["reading"]["input"] == json.loads(BGR_BYTES.model_dump_json())
    assert probed["reading"]["output"]["kind"] == "probabilities"
    assert probed["reading"]["channels"] == [[0], [1], [2], [], [3]]
    said = [event.data["message"] for event in events if event.type in ("log", "warning")]
    assert any("read with BGR instead of RGB" in message for message in said)
    assert "The teacher does not know sign; the student learns that from the labels alone." in said


def test_a_finished_run_is_not_probed_again(finished: Finished) -> None:
    """And needs the teacher's file no more."""
    spec, folder, bundle, _ = finished
    events: list[Event] = []
    assert run(spec, folder, events.append) == bundle
    assert [event.data["stage"] for event in events if event.type == "stage"] == ["preparing_data"]


def refused(spec: DistillSpec, folder: Path, kind: type[BpkdError]) -> str:
    """The sentence; nothing was trained."""
    with pytest.raises(kind) as caught:
        run(spec, folder)
    assert not (folder / "checkpoints").exists()
    return caught.value.message


def test_a_wrong_reading_is_refused_before_anything_is_trained(blocks: Path, tmp_path: Path) -> None:
    """Two numbers, and what to write instead."""
    path = colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES)
    spec = spec_of(blocks, path, teacher={"input": {"color": "rgb"}}, method={"type": "kd"})
    sentence = refused(spec, tmp_path / "work", InvalidModel)
    assert "with these settings, 100% with BGR instead of RGB and pixels from 0 to 255 instead of" in sentence


def test_masks_only_are_refused_before_anything_is_measured(finished: Finished, blocks: Path, tmp_path: Path) -> None:
    """One of our own exports is the likeliest file at hand."""
    spec = spec_of(blocks, finished[1] / "student.onnx")
    assert "export it with outputs: [mask, logits]" in refused(spec, tmp_path / "work", InvalidModel)


def test_a_method_on_features_is_refused(blocks: Path, tmp_path: Path) -> None:
    """An ONNX file shows scores and nothing before them."""
    with pytest.raises(InvalidInput, match='"mgd" compares features, and this teacher shows class scores only'):
        run(spec_of(blocks, colour_teacher(tmp_path / "theirs.onnx"), method={"type": "mgd"}), tmp_path / "work")


def test_a_file_that_was_exchanged_after_its_probe_is_refused(blocks: Path, tmp_path: Path) -> None:
    """A run that goes on must go on with the teacher that it began with."""
    path = colour_teacher(tmp_path / "theirs.onnx")
    spec, folder = spec_of(blocks, path, method={"type": "kd"}), tmp_path / "work"
    with pytest.raises(Stopped):
        run(spec, folder, stop=lambda: (folder / "stages" / "probing_teacher.json").exists())
    colour_teacher(path, known=(1, 0, 2, 3, 4))
    with pytest.raises(InvalidModel, match=r"theirs.onnx has changed since it was probed"):
        run(spec, folder)


# Checkpoints of the catalog are probed too


def checkpoint(blocks: Path, path: Path) -> DistillSpec:
    teacher = {"type": "checkpoint", "arch": "speck_teacher", "path": str(path)}
    fields = {"dataset": str(blocks), "student": {"arch": "speck"}, "teacher": teacher, "train": speck_train()}
    return parse_spec({**fields, "control": "none", "method": {"type": "kd"}})


def colour_weights(pixels: Pixels) -> dict[str, Tensor]:
    """Weights with which the teacher of the specks knows the classes by their colours, read as `pixels`."""
    weights = speck_teacher(len(CLASSES)).state_dict()
    for layer in ("stem.0", "backbone.0"):  # hand the three channels through, lifted above what ReLU cuts
        weights[f"{layer}.weight"].zero_()
        weights[f"{layer}.weight"][range(3), range(3), 1, 1] = 1
        weights[f"{layer}.bias"].fill_(5 if layer == "stem.0" else 0)
    scores, bias = (torch.from_numpy(each.copy()) for each in weights_of(pixels, range(len(CLASSES))))
    weights["head.1.weight"].zero_()
    weights["head.1.weight"][:, :3] = scores
    weights["head.1.bias"][:] = bias - 5 * scores.sum((1, 2, 3))
    return weights


def test_a_checkpoint_that_was_trained_on_other_pixels_is_named_and_kept(blocks: Path, tmp_path: Path) -> None:
    """The catalog feeds its networks in one way; weights from elsewhere may have seen BGR, and only numbers tell."""
    save_file(colour_weights(Pixels(color="bgr")), tmp_path / "bgr.safetensors")
    spec, folder, events = checkpoint(blocks, tmp_path / "bgr.safetensors"), tmp_path / "work", list[Event]()
    with pytest.raises(Stopped):
        run(spec, folder, events.append, stop=lambda: (folder / "stages" / "probing_teacher.json").exists())
    (warning,) = [event.data for event in events if event.data.get("code") == "wrong_input"]
    assert "with BGR instead of RGB" in warning["message"]


def test_a_checkpoint_with_nan_is_refused(blocks: Path, tmp_path: Path) -> None:
    """Whichever of our doors it meets first."""
    weights = speck_teacher(len(CLASSES)).state_dict()
    weights["head.1.bias"][0] = float("nan")
    save_file(weights, tmp_path / "nan.safetensors")
    assert "not finite" in refused(
        checkpoint(blocks, tmp_path / "nan.safetensors"), tmp_path / "work", InvalidCheckpoint
    )
