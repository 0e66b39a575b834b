"""A teacher that onnxruntime runs inside a training step: the scores of the judged file, on the student's crops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from fakes.colours import Blocks, colour_teacher
from fakes.training import fresh
from onnx import TensorProto, helper, numpy_helper

from bpkd_core.errors import InvalidModel
from bpkd_core.foreign import Reading, ScoreSession
from bpkd_core.foreign.reading import Channels, identity
from bpkd_core.methods import get_method
from bpkd_core.spec import Train
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.teachers import KnownClasses, OnnxTeacher
from bpkd_core.train.objective import Distillation
from bpkd_core.train.state import State

ALL = identity(5)
CPU = torch.device("cpu")
IMAGES = np.stack([sample.image_HW3 for sample in Blocks(3).samples])
CROPS = torch.from_numpy(IMAGES).permute(0, 3, 1, 2)


def reading(channels: Channels = ALL, *, pixels: Pixels | None = None, **output: Any) -> Reading:
    return Reading(input=pixels or Pixels(), output=Scores.model_validate(output), channels=channels)


@pytest.mark.parametrize("pixels", [Pixels(), Pixels(layout="nhwc", color="bgr", scale=1, mean=(9, 8, 7))])
@pytest.mark.parametrize("kind", ["logits", "probabilities"])
@pytest.mark.parametrize("size", [("n", "h", "w"), (2, "h", "w"), (1, 64, 96)])
def test_it_says_what_the_judged_file_says(tmp_path: Path, pixels: Pixels, kind: Any, size: Any) -> None:
    """The student must learn from the network whose mIoU the report shows; on every batch, not on the first alone."""
    path = colour_teacher(tmp_path / "theirs.onnx", pixels=pixels, kind=kind, size=size, known=(0, 1, 2, 2, 4))
    read = reading(((0,), (1,), (2, 3), (), (4,)), pixels=pixels, kind=kind)
    expected = ScoreSession(path, read).scores(IMAGES)
    teacher = OnnxTeacher(path, read, device=CPU)
    for _ in range(2):
        assert teacher.look(CROPS).logits.numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("dtype", [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8])
def test_every_type_of_input_is_served(tmp_path: Path, dtype: int) -> None:
    """Half precision and bytes are what exports for a GPU take."""
    path = colour_teacher(tmp_path / "theirs.onnx", dtype=dtype)
    teacher = OnnxTeacher(path, reading(), device=CPU)
    assert teacher.look(CROPS).logits.numpy() == pytest.approx(ScoreSession(path, reading()).scores(IMAGES), abs=1e-4)


def test_it_shows_logits_alone_and_no_gradients(tmp_path: Path) -> None:
    """Which is how a method on features knows that it cannot be used."""
    outputs = OnnxTeacher(colour_teacher(tmp_path / "theirs.onnx"), reading(), device=CPU).look(CROPS)
    assert (outputs.features, outputs.aux, outputs.logits.requires_grad) == (None, (), False)
    assert OnnxTeacher.feature_channels is None


def test_reduced_crops_are_enlarged_to_the_size_that_it_knows(tmp_path: Path) -> None:
    """A student on half the size learns what the teacher says of objects at full size."""
    path = colour_teacher(tmp_path / "theirs.onnx")
    small = torch.from_numpy(IMAGES[:, ::2, ::2].copy()).permute(0, 3, 1, 2)
    scores = OnnxTeacher(path, reading(), device=CPU, enlarge=2).look(small).logits
    assert scores.shape == (3, 5, 16, 24)
    whole = OnnxTeacher(path, reading(), device=CPU).look(CROPS).logits
    assert (scores.argmax(1) == whole.argmax(1)).float().mean() > 0.9


def test_a_file_of_fixed_size_sees_crops_of_any_size(tmp_path: Path) -> None:
    """Resized, and its answer covers the crop all the same."""
    teacher = OnnxTeacher(colour_teacher(tmp_path / "theirs.onnx", size=(1, 128, 192)), reading(), device=CPU)
    free = OnnxTeacher(colour_teacher(tmp_path / "free.onnx", stride=2), reading(), device=CPU)
    scores, expected = teacher.look(CROPS).logits, free.look(CROPS).logits
    assert scores.shape == expected.shape
    assert (scores.argmax(1) == expected.argmax(1)).float().mean() > 0.9


def test_a_crop_that_the_file_does_not_take_is_a_sentence(tmp_path: Path) -> None:
    """An export for one size that says it takes any; onnxruntime's own words name nodes that nobody has seen."""
    model = onnx.load(colour_teacher(tmp_path / "theirs.onnx"))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 5, 16, 24), np.float32), "traced"))
    model.graph.node[-1].CopyFrom(helper.make_node("Add", ["scores", "traced"], ["said"]))
    teacher = OnnxTeacher(model.SerializeToString(), reading(), device=CPU)
    assert teacher.look(CROPS).logits.shape == (3, 5, 16, 24)
    with pytest.raises(InvalidModel, match=r"The file cannot run an input of 3x3x32x32 \("):
        teacher.look(CROPS[:, :, :32, :32])


# Classes that a teacher does not know


def test_unknown_classes_are_left_to_the_labels() -> None:
    """Both networks' scores of it are left out and its pixels are void: as a method on the known classes alone."""
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 2, 5, 8, 12)
    student.requires_grad_()
    labels = torch.randint(0, 5, (2, 32, 48), dtype=torch.uint8)
    labels[0, :3] = 255
    confined = KnownClasses(get_method("kd", num_classes=4), known=(0, 1, 2, 4))
    loss = confined(student, teacher, labels)
    ours = labels.clone()
    ours[labels == 3] = 255
    ours[labels == 4] = 3
    kept = [0, 1, 2, 4]
    expected = get_method("kd", num_classes=4)(student[:, kept], teacher[:, kept], ours)
    assert loss.total.item() == pytest.approx(expected.total.item())
    (gradient,) = torch.autograd.grad(loss.total, student)
    assert gradient[:, 3].abs().max() == 0
    assert gradient[:, 4].abs().max() > 0


def test_what_a_confined_method_learns_is_in_the_optimizer_and_the_checkpoint(tmp_path: Path) -> None:
    """The loop looks for a module; this one passes the question on."""

    class Learner(torch.nn.Linear):
        num_classes, ignore_index = 2, 255

    confined = KnownClasses(Learner(3, 2), known=(0, 2))  # pyright: ignore[reportArgumentType]  # it is never called
    teacher = OnnxTeacher(colour_teacher(tmp_path / "theirs.onnx"), reading(((0,), (), (2,), (), ())), device=CPU)
    state = State.fresh(fresh(), Train(), Distillation(teacher, confined), CPU)
    assert state.method is confined
    assert {id(own) for own in confined.parameters()} <= {id(each) for each in state.parameters}
    assert list(state.modules["method"].state_dict()) == ["method.weight", "method.bias"]
