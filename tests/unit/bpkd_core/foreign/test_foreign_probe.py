"""What the probe says of files that were trained on other pixels, other classes, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes.colours import COLOURS, Blocks, colour_teacher
from onnx import TensorProto

from bpkd_core.errors import BpkdError, InvalidModel
from bpkd_core.foreign import Probe, probe_file
from bpkd_core.foreign.findings import NORMALISATIONS
from bpkd_core.foreign.session import ScoreSession
from bpkd_core.spec import OnnxTeacher
from bpkd_core.spec.foreign import Pixels

BYTES = NORMALISATIONS["pixels from 0 to 255"]
BGR_BYTES = BYTES.model_copy(update={"color": "bgr"})
DATA = Blocks(2)
Try = Callable[..., Probe]


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Try:
    """`probe({fields of the teacher}, **how the file is made)`, in this process: the child has tests of its own."""
    monkeypatch.setattr("bpkd_core.foreign.probe.run_limited", lambda function, *arguments, **_: function(*arguments))

    def run(teacher: dict[str, Any] | None = None, **made: Any) -> Probe:
        path = colour_teacher(tmp_path / "theirs.onnx", **made)
        return probe_file(OnnxTeacher.model_validate({"path": path, **(teacher or {})}), DATA, crops=(2, 64, 96))

    return run


def codes(found: Probe) -> list[tuple[str, str]]:
    return [(finding.severity, finding.code) for finding in found.findings]


@pytest.mark.parametrize("color", ["rgb", "bgr"])
@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_every_usual_way_to_feed_a_network_is_found(probe: Try, color: str, normalisation: str) -> None:
    """Nobody who got a file from a colleague knows how its pixels were scaled."""
    pixels = NORMALISATIONS[normalisation].model_copy(update={"color": color})
    found = probe(pixels=pixels)
    assert found.reading.input == pixels
    assert found.miou == 1.0
    assert {code for severity, code in codes(found)} <= {"found_input"}


def test_what_was_found_is_said_with_both_numbers(probe: Try) -> None:
    """A sentence that one can check."""
    (finding,) = probe(pixels=BGR_BYTES).findings
    assert finding.message == (
        "The teacher is read with BGR instead of RGB and pixels from 0 to 255 instead of ImageNet's mean and "
        "deviation: 100% mIoU, 4% without."
    )


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("out_layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_layouts_and_probabilities_are_read_off_the_file(probe: Try, layout: str, out_layout: str, kind: str) -> None:
    """Frameworks differ, and none of it need be said by hand."""
    found = probe(pixels=Pixels.model_validate({"layout": layout}), kind=kind, out_layout=out_layout)
    assert (found.reading.input.layout, found.reading.output.layout) == (layout, out_layout)
    assert (found.reading.output.kind, found.miou, found.findings) == (kind, 1.0, [])


@pytest.mark.parametrize(
    "made",
    [
        {"size": (1, 128, 128)},
        {"size": (1, 64, "w")},
        {"size": (3, "h", "w")},
        {"dtype": TensorProto.UINT8},
        {"dtype": TensorProto.DOUBLE},
        {"stride": 1},
        {"stride": 8},
    ],
)
def test_sizes_types_and_strides_of_all_kinds_are_taken(probe: Try, made: dict[str, Any]) -> None:
    """What an export may fix: the size, the batch, the type. Resizing blurs borders, so not all are perfect."""
    found = probe(**made)
    assert found.reading.input.color == "rgb"
    assert (found.miou or 0) > 0.9


def test_the_order_of_the_classes_is_found_and_said(probe: Try) -> None:
    """0 % becomes 100 %: an order that fits so much better is no accident."""
    found = probe(known=(1, 2, 3, 4, 0), pixels=BGR_BYTES)
    assert found.reading.channels == ((4,), (0,), (1,), (2,), (3,))
    assert found.miou == 1.0
    assert ("warning", "found_class_order") in codes(found)
    assert "0% mIoU in this order, 100% with car for road, road for sky" in found.findings[-1].message


def test_settings_that_are_clearly_wrong_are_refused(probe: Try) -> None:
    """Somebody who says rgb and is wrong should not hear it from the student."""
    found = probe({"input": {"color": "rgb"}}, pixels=BGR_BYTES)
    assert codes(found)[0] == ("error", "wrong_input")
    with pytest.raises(InvalidModel, match=r"4% mIoU with these settings, 100% with BGR instead of RGB"):
        found.raise_if_bad()


def test_settings_that_are_a_little_worse_than_others_are_kept_with_a_warning(probe: Try) -> None:
    """A person may know better than a sample: 69 % against 100 % is not yet a mistake, half as good would be."""
    near = Pixels(mean=(0.35, 0.35, 0.35))
    found = probe({"input": near.model_dump()})
    assert found.reading.input == near
    assert codes(found)[0] == ("warning", "wrong_input")
    found.raise_if_bad()


def test_a_class_map_in_another_order_is_refused(probe: Try) -> None:
    """The commonest slip in a written map."""
    names = dict(enumerate(COLOURS))
    found = probe({"classes": names}, known=(1, 2, 3, 4, 0))
    assert codes(found)[0] == ("error", "wrong_class_order")
    assert "0% mIoU in this order, 100% with" in found.findings[0].message


def test_classes_are_merged_and_left_out_as_the_map_says(probe: Try) -> None:
    """Two of the file's become one; one of ours is unknown to it, and the student hears that."""
    found = probe({"classes": {0: "road", 1: 1, 2: "tree", 3: "tree", 4: "car"}}, known=(0, 1, 2, 2, 4))
    assert found.reading.channels == ((0,), (1,), (2, 3), (), (4,))
    (finding,) = found.findings
    assert finding.message == "The teacher does not know sign; the student learns that from the labels alone."


def test_another_number_of_classes_is_refused_with_the_map_that_the_labels_suggest(probe: Try) -> None:
    """Which class is which is a person's to say, but they need not begin from nothing."""
    with pytest.raises(InvalidModel, match="scores 6 classes and the dataset has 5") as caught:
        probe(known=(4, 3, 2, 1, 0, 0))
    assert caught.value.param == "teacher.classes"
    assert '"0": "car", "1": "sign", "2": "tree", "3": "sky", "4": "road"' in str(caught.value.hint)


def test_a_class_that_the_file_never_says_is_named(probe: Try) -> None:
    """A head that was trained on fewer classes, or on other ones."""
    found = probe(known=(0, 1, 2, 3, 3))
    silent = [finding.message for finding in found.findings if finding.code == "never_predicted"]
    assert silent
    assert "car" in silent[0]


def test_nan_is_refused_with_its_number_and_its_image(probe: Try) -> None:
    """A student of NaN is NaN."""
    found = probe(spoil=float("nan"))
    assert codes(found) == [("error", "not_finite")]
    assert found.findings[0].message.startswith("1920 of 1920 scores are not finite on image 1 of 2")


def test_a_file_that_says_the_same_of_every_pixel_is_refused(probe: Try) -> None:
    """Weights that were never loaded."""
    flat = Pixels(scale=1, mean=(0, 0, 0), std=(1e-6, 1e-6, 1e-6))
    assert codes(probe({"input": {"std": [1e6] * 3, "scale": 1e6}}, pixels=flat))[0] == ("error", "constant_output")


def test_a_file_of_class_ids_is_refused(probe: Try) -> None:
    """There is nothing to distil in an argmax."""
    with pytest.raises(InvalidModel, match=r"class ids and no scores .* export the network without its argmax"):
        probe(kind="ids")


def test_probabilities_that_are_called_logits_are_noticed(probe: Try) -> None:
    """Their softmax is nearly flat, so the student would learn next to nothing."""
    found = probe({"output": {"kind": "logits"}}, kind="probabilities")
    assert codes(found) == [("warning", "looks_like_probabilities")]


def test_sigmoids_are_no_logits(probe: Try) -> None:
    """Their winner is right and their softmax nearly flat: a perfect mIoU, and next to nothing to learn."""
    found = probe(kind="sigmoids")
    assert codes(found)[0] == ("warning", "looks_like_sigmoids")
    assert "sure at most" in found.findings[0].message


def test_logits_that_are_called_probabilities_are_noticed(probe: Try) -> None:
    """Their logarithm keeps the winner, so the mIoU is perfect, and what the student learns is not what was said."""
    found = probe({"output": {"kind": "probabilities"}})
    assert (found.miou, codes(found)) == (1.0, [("warning", "no_probabilities")])


def test_an_output_that_does_not_exist_is_answered_with_those_that_do(probe: Try) -> None:
    """A name from another framework's export."""
    with pytest.raises(InvalidModel, match="no output logits, only said"):
        probe({"output": {"name": "logits"}})


def test_a_reading_gives_the_masks_that_the_probe_promised(probe: Try, tmp_path: Path) -> None:
    """What is judged afterwards is read in the same way, padded images too."""
    found = probe(pixels=BGR_BYTES, known=(1, 2, 3, 4, 0))
    session = ScoreSession(tmp_path / "theirs.onnx", found.reading)
    sample = DATA[0]
    mask, labels = session.predict(sample.image_HW3[:61, :83]), sample.labels_HW[:61, :83]
    assert mask.shape == (61, 83)
    assert np.mean(mask[labels != 255] == labels[labels != 255]) > 0.85  # cells of 4 pixels blur the borders


def test_every_setting_that_was_tried_is_kept_with_its_number(probe: Try) -> None:
    """The table that bpkd teacher probe prints, and the file that the run keeps."""
    found = probe()
    assert {trial.input.color for trial in found.trials} == {"rgb", "bgr"}
    assert len([trial for trial in found.trials if not trial.reordered]) == 2 * len(NORMALISATIONS)
    assert Probe.model_validate_json(found.model_dump_json()) == found
    assert found.parameters == 5 * 3 + 5


def test_the_quick_look_tries_nothing_and_says_nothing_of_settings(tmp_path: Path) -> None:
    """Enough to time a step, and safe: a child opens the file here too."""
    path = colour_teacher(tmp_path / "theirs.onnx", pixels=BGR_BYTES)
    found = probe_file(OnnxTeacher(path=path), DATA, search=False)
    assert (found.miou, len(found.trials), found.findings) == (None, 1, [])


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """Before a child is started."""
    with pytest.raises(BpkdError, match=r"nowhere.onnx cannot be read \(No such file or directory\)"):
        probe_file(OnnxTeacher(path=tmp_path / "nowhere.onnx"), DATA)


def test_a_file_of_one_score_is_told_what_it_lacks(probe: Try) -> None:
    """Two classes behind a sigmoid are common, and their network needs one more plane and no training."""
    with pytest.raises(InvalidModel, match=r"one score for each cell .* put a plane of zeros before it"):
        probe(known=(0,))
