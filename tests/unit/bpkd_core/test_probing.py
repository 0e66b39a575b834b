"""A teacher tried on its own: what the worker does with a file before any job may name it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fakes.colours import colour_teacher, write_blocks
from fakes.specks import speck_teacher
from typer.testing import CliRunner

from bpkd_core.__main__ import app
from bpkd_core.errors import InvalidCheckpoint, InvalidDataset
from bpkd_core.foreign import Probe
from bpkd_core.foreign.findings import NORMALISATIONS
from bpkd_core.probing import probe
from bpkd_core.spec import parse
from bpkd_core.spec.probing import ProbeSpec

BGR_BYTES = NORMALISATIONS["pixels from 0 to 255"].model_copy(update={"color": "bgr"})


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blocks(tmp_path_factory.mktemp("data") / "blocks", train=1, val=2, test=0)


def tried(data: Path, **teacher: Any) -> Probe:
    return probe(parse(ProbeSpec, {"dataset": data, "teacher": teacher}))


def save_weights(path: Path, num_classes: int = 11, *, head: float | None = None) -> Path:
    """A checkpoint as torch.save writes it; `head` in place of every weight of the last layer."""
    torch.manual_seed(1)
    weights = speck_teacher(num_classes).state_dict()
    if head is not None:
        weights["head.1.weight"].fill_(head)
    torch.save({"state_dict": weights}, path)
    return path


def test_an_onnx_file_is_read_as_fits_best(blocks: Path, tmp_path: Path) -> None:
    """The same answer as `bpkd teacher probe` gives, from the command that the worker starts."""
    found = tried(blocks, type="onnx", path=colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES))
    assert (found.reading.input, found.miou, found.images) == (BGR_BYTES, 1.0, 2)
    assert [(each.severity, each.code) for each in found.findings] == [("note", "found_input")]


@pytest.mark.usefixtures("specks")
def test_a_checkpoint_is_tried_in_every_way_and_read_as_its_catalog_says(scenes: Path, tmp_path: Path) -> None:
    """How its networks are fed is known, so what fits better is a warning and no setting."""
    found = tried(scenes, type="checkpoint", arch="speck_teacher", path=save_weights(tmp_path / "theirs.pth"))
    assert len(found.trials) >= 10
    assert found.reading.input == found.trials[0].input
    assert found.parameters > 0
    assert "error" not in {each.severity for each in found.findings}


@pytest.mark.usefixtures("specks")
def test_a_checkpoint_whose_scores_overflow_is_an_error_among_the_findings(scenes: Path, tmp_path: Path) -> None:
    """Its weights are finite, so only a try can tell; what else was found stays readable."""
    path = save_weights(tmp_path / "theirs.pth", head=3e38)
    found = tried(scenes, type="checkpoint", arch="speck_teacher", path=path)
    assert [each.severity for each in found.findings] == ["error"]
    assert "not finite" in found.findings[0].message
    with pytest.raises(InvalidCheckpoint, match="not finite"):
        tried(scenes, type="checkpoint", arch="speck_teacher", path=save_weights(path, head=float("nan")))


@pytest.mark.usefixtures("specks")
def test_a_checkpoint_of_other_classes_is_refused_by_the_layer_that_does_not_fit(scenes: Path, tmp_path: Path) -> None:
    """The commonest mistake."""
    path = save_weights(tmp_path / "theirs.pth", 19)
    with pytest.raises(InvalidCheckpoint, match=r"head\.1\.weight is 19x16x1x1 and should be 11x16x1x1"):
        tried(scenes, type="checkpoint", arch="speck_teacher", path=path)


def test_without_labels_it_is_only_said_whether_the_file_runs(blocks: Path, tmp_path: Path) -> None:
    """Nothing can be compared, and nothing is made up."""
    data = Path(shutil.copytree(blocks, tmp_path / "photographs"))
    shutil.rmtree(data / "masks" / "val")
    found = tried(data, type="onnx", path=colour_teacher(tmp_path / "theirs.onnx"))
    assert (found.miou, found.findings) == (None, [])


def test_the_worker_reads_the_last_line(blocks: Path, tmp_path: Path) -> None:
    """`python -m bpkd_core probe --spec F`: the probe as JSON, or an error event, as with every command."""
    (tmp_path / "spec.json").write_text(
        json.dumps(
            {
                "dataset": str(blocks),
                "teacher": {"type": "onnx", "path": str(colour_teacher(tmp_path / "theirs.onnx"))},
            }
        )
    )
    answer = CliRunner().invoke(app, ["probe", "--spec", str(tmp_path / "spec.json")])
    assert Probe.model_validate_json(answer.stdout.splitlines()[-1]).miou == 1.0
    (tmp_path / "theirs.onnx").write_bytes(b"PK\x03\x04")
    answer = CliRunner().invoke(app, ["probe", "--spec", str(tmp_path / "spec.json")])
    assert (answer.exit_code, json.loads(answer.stdout)["code"]) == (1, "invalid_model")


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    """It may have gone since it was validated."""
    with pytest.raises(InvalidDataset):
        tried(tmp_path / "nowhere", type="onnx", path=tmp_path / "theirs.onnx")
