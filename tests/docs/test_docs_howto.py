"""What the how-to pages tell people to type, typed, on files that are made in a second."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from blocks import script
from fakes.networks import threshold_onnx
from onnx import TensorProto, helper
from test_docs_blocks import run

from bpkd_core.data import FolderDataset, write_scenes
from bpkd_core.evaluation import Predict, evaluate
from bpkd_core.report import read_report, save_report, write_report

pytestmark = pytest.mark.e2e
HOWTO = Path(__file__).parents[2] / "docs" / "howto"


def test_models_are_judged_and_runs_compared(tmp_path: Path) -> None:
    # two scenes; a student that tells light from dark, a stranger's file of three classes, the truth as masks
    write_scenes(tmp_path / "street", train=1, val=1, test=2, height=64, width=96)
    data = FolderDataset(tmp_path / "street", "test")
    shutil.copytree(tmp_path / "street" / "masks" / "test", tmp_path / "masks")
    leave_student(tmp_path / "student.onnx", data)
    leave_stranger(tmp_path / "theirs.onnx")
    for number, name in enumerate(("none-seed0", "bpkd-seed0", "bpkd-seed1")):
        leave_run(tmp_path / "runs" / name, data, lambda _, image, n=number: image[..., 0] // (30 + n))
    said = run(script(HOWTO / "quality-report.md"), tmp_path)
    assert "±" in said
    assert read_report(tmp_path / "theirs.json").judged.scores["miou"].value == 1
    for page in ("report", "theirs", "compare"):
        assert (tmp_path / f"{page}.html").read_text().startswith("<!doctype html>")


def leave_student(path: Path, data: FolderDataset) -> None:
    """The threshold network, with the classes of the dataset in its metadata."""
    model = onnx.load_from_string(threshold_onnx())
    classes = json.dumps([each.model_dump(mode="json") for each in data.classes])
    helper.set_model_props(model, {"bpkd.contract": "1", "classes": classes, "ignore_index": "255", "stride": "1"})
    path.write_bytes(model.SerializeToString())


def leave_stranger(path: Path) -> None:
    """The three channels of a normalised image, as the scores of three classes."""
    image, scores = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3, "h", "w"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "channels", [image], [scores])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def leave_run(folder: Path, data: FolderDataset, predict: Predict) -> None:
    """What a run leaves of its quality; masks are what the function makes of an image."""
    folder.mkdir(parents=True)
    quality = evaluate(lambda name, image: np.minimum(predict(name, image), len(data.classes) - 1), data)
    report = write_report(
        {"student": quality},
        title=folder.name,
        dataset="street",
        split="test",
        classes=data.classes,
        names=data.names,
    )
    save_report(report, folder / "quality.json")
