"""What a specification means when fields are left out, and how it refuses what it cannot mean."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError

from bpkd_core import catalog
from bpkd_core.errors import InvalidSpec, UnknownName
from bpkd_core.methods import GIVEN, get_method
from bpkd_core.spec import (
    BoundaryPrivilegedKD,
    ChannelWiseKD,
    CheckpointTeacher,
    CrossImageKD,
    DistillSpec,
    IntraClassVariationKD,
    MaskedGenerativeKD,
    NoDistillation,
    OnnxTeacher,
    PixelKD,
    PluginMethod,
    RelationalKD,
    Section,
    StructuredKD,
    Train,
    parse,
    parse_spec,
    read_spec,
)
from bpkd_core.spec.methods import Weighted

LEAST: dict[str, Any] = {
    "dataset": "streets",
    "student": {"arch": "ddrnet_23_nano"},
    "teacher": {"type": "train", "arch": "ddrnet_23_slim"},
}


def test_dataset_student_and_teacher_are_enough() -> None:
    """Every other field has a default: the paper's method on the authors' schedule, with a control to compare."""
    spec = parse_spec(LEAST)
    assert spec.method == BoundaryPrivilegedKD(lambda_edge=50, lambda_body=20, edge_width_px=7, alpha=2)
    assert (spec.train.steps, spec.train.optimizer, spec.train.lr, spec.train.crop) == (
        80_000,
        "sgd",
        0.01,
        (512, 1024),
    )
    assert spec.control == "full"
    assert spec.budget_minutes is None


SECTIONS = [
    NoDistillation,
    PixelKD,
    ChannelWiseKD,
    BoundaryPrivilegedKD,
    StructuredKD,
    IntraClassVariationKD,
    CrossImageKD,
    RelationalKD,
    MaskedGenerativeKD,
]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_method_has_one_set_of_options_and_defaults(section: type[Section]) -> None:
    """A job that names no option must train with what the method's own documentation promises."""
    said = section().model_dump()
    method = catalog.load("methods", said.pop("type"))
    assert said == {f.name: f.default for f in fields(method) if f.name not in GIVEN}


def test_every_method_of_the_catalog_has_a_section() -> None:
    """A method without one could be named as a plug-in, with its options unchecked."""
    assert {section().model_dump()["type"] for section in SECTIONS} == set(catalog.METHODS)


@pytest.fixture
def damped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package with one method, `damped`."""
    package = tmp_path / "damped-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: damped\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[bpkd.methods]\ndamped = damped:Damped\n")
    (tmp_path / "damped.py").write_text(
        """
from dataclasses import dataclass
from bpkd_core.methods.base import LogitMethod, Losses

@dataclass(frozen=True, kw_only=True)
class Damped(LogitMethod):
    factor: float = 0.5

    def compare(self, student_NChw, teacher_NChw, labels_NHW):
        return Losses.weigh({"gap": self.factor}, {"gap": lambda: (student_NChw - teacher_NChw).square().mean()})
"""
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("damped")
def test_a_method_of_another_package_is_named_like_ours() -> None:
    """One who installs a method writes its name and its options, and the run builds it with them."""
    spec = parse_spec({**LEAST, "method": {"type": "damped", "factor": 2}})
    assert isinstance(spec.method, PluginMethod)
    assert parse_spec(spec.model_dump(mode="json")) == spec
    method = get_method(spec.method.type, num_classes=3, **spec.method.model_dump(exclude={"type"}))
    losses = method(torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 4, dtype=torch.uint8))
    assert (losses.total.item(), losses.terms["gap"].item()) == (2, 1)


@pytest.mark.usefixtures("damped")
@pytest.mark.parametrize("value", [{}, [1], float("nan"), "x" * 201])
def test_an_option_of_another_package_is_a_plain_value(value: object) -> None:
    """What is stored with a job, and shown, must stay small."""
    with pytest.raises(InvalidSpec, match=r"method\.factor"):
        parse_spec({**LEAST, "method": {"type": "damped", "factor": value}})


@pytest.mark.usefixtures("damped")
def test_an_unknown_option_of_another_package_names_the_nearest() -> None:
    """The same courtesy as for ours, when the run begins: before that, nobody may import the package."""
    with pytest.raises(UnknownName, match=r'option of damped "factr"\. Did you mean "factor"'):
        get_method("damped", num_classes=3, factr=1)


def test_a_method_on_features_is_refused_beside_an_onnx_teacher() -> None:
    """Said when the job is sent, and not after the data was checked and a student built."""
    onnx = {"type": "onnx", "path": "teacher.onnx"}
    assert parse_spec({**LEAST, "teacher": onnx, "method": {"type": "dist"}}).method.type == "dist"
    with pytest.raises(InvalidSpec, match='"cirkd" compares features, and this teacher shows class scores only'):
        parse_spec({**LEAST, "teacher": onnx, "method": {"type": "cirkd"}})


def test_an_onnx_teacher_lies_beside_the_specification(tmp_path: Path) -> None:
    """Paths are relative to the file that holds them, and the keys of a YAML map may be numbers."""
    text = "dataset: d\nstudent: {arch: pspnet_r18}\nteacher: {type: onnx, path: t.onnx, classes: {0: road, 3: 1}}"
    (tmp_path / "spec.yaml").write_text(text)
    teacher = read_spec(tmp_path / "spec.yaml").teacher
    assert isinstance(teacher, OnnxTeacher)
    assert (teacher.path, teacher.input, teacher.classes) == (tmp_path / "t.onnx", "auto", {0: "road", 3: 1})


@pytest.mark.parametrize(
    ("field", "value", "blamed", "message"),
    [
        ("input", {"layout": "chw"}, "input.layout", "'nchw' or 'nhwc'"),
        ("input", {"std": [1, 0, 1]}, "input.std.1", "greater than 0"),
        ("input", {"scale": 0}, "input.scale", "greater than 0"),
        ("output", {"kind": "ids"}, "output.kind", "'logits' or 'probabilities'"),
        ("classes", {}, "classes", "auto"),
        ("classes", {"road": 0}, "classes.road", "integer"),
    ],
)
def test_settings_of_a_teacher_that_cannot_be_are_named(field: str, value: object, blamed: str, message: str) -> None:
    """By the field and by what is wrong in it, not by the "auto" that it could have been instead."""
    with pytest.raises(InvalidSpec, match=message) as caught:
        parse_spec({**LEAST, "teacher": {"type": "onnx", "path": "t.onnx", field: value}})
    assert caught.value.param == f"teacher.{blamed}"


def test_an_unknown_method_names_the_nearest() -> None:
    """Also where the name could have been a plug-in's."""
    with pytest.raises(UnknownName, match=r'Unknown method "bkpd"\. Did you mean "bpkd"') as caught:
        parse_spec({**LEAST, "method": {"type": "bkpd"}})
    assert caught.value.param == "method.type"


def test_the_teacher_is_trained_like_the_student_unless_said_otherwise() -> None:
    """Nobody wants to write the schedule twice."""
    own = Train(steps=7)
    assert parse_spec({**LEAST, "train": {"steps": 9}}).teacher_train().steps == 9
    assert parse_spec({**LEAST, "teacher": {**LEAST["teacher"], "train": {"steps": 7}}}).teacher_train() == own


def test_json_of_a_specification_is_the_specification() -> None:
    """The manifest of a run must be enough to run it again."""
    spec = parse_spec({**LEAST, "method": {"type": "kd"}, "provenance": {"job_id": "job_1"}, "budget_minutes": 3})
    assert parse_spec(spec.model_dump(mode="json")) == spec


def test_a_specification_does_not_change() -> None:
    """What was validated is what runs."""
    spec = parse_spec(LEAST)
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "other"


@pytest.mark.parametrize("place", ["student", "teacher"])
def test_an_unknown_network_names_the_nearest(place: str) -> None:
    """The commonest mistake, met before anything is read or trained."""
    with pytest.raises(UnknownName, match=r'Unknown network "segformer_b00"\. Did you mean "segformer_b0"'):
        parse_spec({**LEAST, place: {**LEAST[place], "arch": "segformer_b00"}})


@pytest.mark.parametrize(
    ("change", "param", "message"),
    [
        ({"method": {"type": "bpkd", "edge_width_px": 4}}, "method", "edge_width_px is 4; expected an odd number"),
        ({"method": {"type": "bpkd", "lambda_edge": -1}}, "method.lambda_edge", "greater than or equal to 0"),
        ({"method": {"type": "kd", "alpha": 2}}, "method.alpha", "not permitted"),
        ({"method": {"type": "two words"}}, "method.type", "pattern"),
        ({"method": {}}, "method.type", "required"),
        ({"teacher": {"type": "checkpoint", "arch": "pspnet_r18"}}, "teacher.path", "required"),
        ({"train": {"steps": 0}}, "train.steps", "greater than or equal to 1"),
        ({"train": {"lr": float("nan")}}, "train.lr", "finite"),
        ({"train": {"lr": 0.01, "min_lr": 0.1}}, "train", "min_lr is 0.1, above lr 0.01; expected it at or below lr"),
        ({"train": {"crop": [100, 96]}}, "train", r"crop is \[100, 96\]; expected multiples of 32"),
        ({"train": {"crop": [96]}}, "train.crop.1", "required"),
        ({"train": {"scale": [2, 1]}}, "train", r"scale is \[2.0, 1.0\]; expected two rising factors"),
        ({"train": {"precision": "fp8"}}, "train.precision", "'auto', 'fp32', 'bf16' or 'fp16'"),
        ({"train": {"accumulate": 9}}, "train", "accumulate is 9, above batch_size 8; expected an image a pass"),
        ({"train": {"steps": 9, "warmup_steps": 9}}, "train", "warmup_steps is 9, of 9 steps; expected fewer"),
        ({"train": {"steps": 9, "distill_warmup_steps": 10}}, "train", "distill_warmup_steps is 10, of 9 steps"),
        ({"train": {"class_weights": [0, 0]}}, "train", "class_weights are all 0; expected at least one above 0"),
        ({"train": {"class_weights": [1, -1]}}, "train.class_weights.1", "greater than or equal to 0"),
        ({"train": {"class_weights": "rare"}}, "train.class_weights", "valid tuple"),
        ({"train": {"ohem": {"threshold": 2}}}, "train.ohem.threshold", "less than or equal to 1"),
        ({"train": {"ema": 1}}, "train.ema", "less than 1"),
        ({"train": {"head_lr_multiplier": 0}}, "train.head_lr_multiplier", "greater than 0"),
        ({"export": {"outputs": ["logits"]}}, "export", '"mask" first'),
        ({"export": {"outputs": ["mask", "mask"]}}, "export", "each name once"),
        (
            {"train": {"input_downscale": 2}, "teacher": {**LEAST["teacher"], "train": {}}},
            None,
            "input_downscale is 1 f",
        ),
        ({"epochs": 3}, "epochs", "not permitted"),
        ({"name": ""}, "name", "at least 1 character"),
        ({"dataset": None}, "dataset", "path"),
    ],
)
def test_a_wrong_field_is_named_as_it_was_written(change: dict[str, Any], param: str | None, message: str) -> None:
    """`param` points into the caller's own file; the message says what was found and what was expected."""
    with pytest.raises(InvalidSpec, match=message) as caught:
        parse_spec({**LEAST, **change})
    assert caught.value.param == param


def test_further_mistakes_are_counted() -> None:
    """One who mends the first must not believe that it was the only one."""
    with pytest.raises(InvalidSpec, match=r"student: Field required \(and 1 more\)") as caught:
        parse_spec({"dataset": "streets"})
    assert caught.value.param == "student"


@pytest.mark.parametrize("data", [None, "text", [1], 3])
def test_what_is_no_mapping_is_refused(data: object) -> None:
    """An empty YAML file parses to None."""
    with pytest.raises(InvalidSpec, match=r"^spec: "):
        parse_spec(data)


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A specification beside its data works from any directory, and names the same data in each."""
    teacher = {"type": "checkpoint", "arch": "pspnet_r18", "path": "weights/t.pth"}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump({**LEAST, "teacher": teacher}))
    spec = read_spec(tmp_path / "spec.yaml")
    assert isinstance(spec.teacher, CheckpointTeacher)
    assert (spec.dataset, spec.teacher.path) == (tmp_path / "streets", tmp_path / "weights" / "t.pth")
    monkeypatch.chdir(tmp_path)
    assert read_spec(Path("spec.yaml")) == spec


def test_an_absolute_path_in_a_file_stays(tmp_path: Path) -> None:
    """Data rarely lies beside the specification."""
    (tmp_path / "spec.json").write_text(DistillSpec.model_validate({**LEAST, "dataset": "/data"}).model_dump_json())
    assert read_spec(tmp_path / "spec.json").dataset == Path("/data")


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", None])
def test_a_file_that_is_no_yaml_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    """Broken, binary or absent: one sentence, no traceback."""
    path = tmp_path / "spec.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        InvalidSpec, match=r"spec.yaml is not a readable YAML file \(.+\); expected a distillation spec"
    ):
        read_spec(path)


@pytest.mark.parametrize("method", ["bpkd", "skd", "ifvd", "cirkd", "dist"])
def test_weights_that_are_all_0_are_refused(method: str) -> None:
    """Such a job would be taken, wait in the queue, and fail when a worker prepares it."""
    section = next(kind for kind in Weighted.__subclasses__() if kind.model_fields["type"].default == method)
    with pytest.raises(InvalidSpec, match='are all 0; for no distillation use the method "none"'):
        parse(section, {"type": method, **dict.fromkeys(section.weights, 0)})
