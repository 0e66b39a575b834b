"""Pixels into a file, scores out of it: small arrays against what one would write by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fakes.colours import CLASSES
from torch.nn import functional as F

from bpkd_core.errors import InvalidSpec
from bpkd_core.foreign.pixels import covered, fit, prepare, seen
from bpkd_core.foreign.reading import map_classes, match_names
from bpkd_core.foreign.scores import to_classes, to_logits, winners
from bpkd_core.spec.foreign import Pixels, Scores

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
LOGITS = np.random.default_rng(1).normal(size=(2, 4, 3, 5)).astype(np.float32)


def test_mean_and_deviation_are_those_of_red_green_and_blue_in_any_order() -> None:
    """A person writes them down once, and the order of the channels is another matter."""
    pixels = Pixels(layout="nchw", color="bgr", scale=2, mean=(1, 2, 3), std=(4, 5, 6))
    blue, green, red = prepare(IMAGES, pixels, np.float32)[1, :, 4, 6]
    r, g, b = IMAGES[1, 4, 6].astype(float) / 2
    assert (red, green, blue) == pytest.approx(((r - 1) / 4, (g - 2) / 5, (b - 3) / 6), abs=1e-5)


def test_a_file_that_takes_bytes_gets_bytes() -> None:
    """Its normalisation is inside it."""
    taken = prepare(IMAGES, Pixels(layout="nhwc", color="bgr"), np.uint8)
    assert taken.dtype == np.uint8
    assert np.array_equal(taken, IMAGES[..., ::-1])


def test_images_are_padded_to_what_deep_networks_need_and_the_padding_is_known() -> None:
    """The cells of the answer cover the padded image, and only its corner is ours."""
    padded = fit(IMAGES, (None, None))
    assert padded.shape == (2, 32, 32, 3)
    assert np.array_equal(padded[:, :5, :7], IMAGES)
    assert np.array_equal(padded[:, 31, 31], IMAGES[:, 4, 6])
    assert covered((5, 7), (None, None)) == (32, 32)


def test_a_file_of_fixed_size_sees_the_whole_image_resized() -> None:
    """So its answer covers the image and nothing else."""
    assert fit(IMAGES, (10, 14)).shape == (2, 10, 14, 3)
    assert (seen((5, 7), (10, 14)), covered((5, 7), (10, 14))) == ((10, 14), (5, 7))


def test_the_logarithm_of_probabilities_has_their_softmax() -> None:
    """A distillation cannot tell it from logits; a zero of half precision stays finite."""
    shares = torch.from_numpy(LOGITS).softmax(1).permute(0, 2, 3, 1).numpy()
    logits = to_logits(shares, Scores(kind="probabilities", layout="nhwc"))
    assert torch.from_numpy(logits).softmax(1).numpy() == pytest.approx(shares.transpose(0, 3, 1, 2), abs=1e-6)
    assert np.isfinite(to_logits(np.zeros((1, 2, 1, 1), np.float16), Scores(kind="probabilities"))).all()


def test_merged_classes_have_the_sum_of_their_probabilities() -> None:
    """Two kinds of vehicle, half sure of each, are a vehicle for sure; a class that is left out takes no share."""
    merged = torch.from_numpy(to_classes(LOGITS, ((0, 2), (3,), ()))).softmax(1)
    kept = torch.from_numpy(LOGITS[:, [0, 2, 3]]).softmax(1)
    assert merged[:, 0].numpy() == pytest.approx((kept[:, 0] + kept[:, 1]).numpy(), abs=1e-6)
    assert merged[:, 1].numpy() == pytest.approx(kept[:, 2].numpy(), abs=1e-6)
    assert merged[:, 2].max() < 1e-7


def test_winners_are_those_of_interpolated_scores() -> None:
    """As torch interpolates while it trains."""
    scores = torch.from_numpy(LOGITS[:1])
    expected = F.interpolate(scores, (24, 40), mode="bilinear", align_corners=False).argmax(1)[0].numpy()
    assert np.array_equal(winners(LOGITS[0], (24, 40)), expected)


def test_a_class_map_takes_names_and_ids_in_any_order() -> None:
    """The file's index stands first: that is what its author knows."""
    assert map_classes({7: "sky", 2: 0, 5: "road"}, CLASSES, 9) == ((2, 5), (7,), (), (), ())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({0: "street", 1: "sky"}, "leads to 'street'; expected an id from 0 to 4 or one of road, sky"),
        ({0: 5, 1: "sky"}, "leads to 5; expected an id from 0 to 4"),
        ({9: "road", 1: "sky"}, "the file's class 9, and the file scores 9; expected 0 to 8"),
        ({0: "road", 1: "road"}, "fewer than two classes"),
    ],
)
def test_a_class_map_that_does_not_fit_is_refused(given: dict[int, int | str], sentence: str) -> None:
    """Before anything runs, with what would fit."""
    with pytest.raises(InvalidSpec, match=sentence) as caught:
        map_classes(given, CLASSES, 9)
    assert caught.value.param == "teacher.classes"


def test_a_file_that_names_its_classes_is_matched_by_name() -> None:
    """Our own files carry them, so no map is needed when the order differs."""
    names = ["car", "sign", "tree", "lamp", "sky", "road"]
    assert match_names(names, CLASSES) == ((5,), (4,), (2,), (1,), (0,))
    assert match_names(names[1:], CLASSES) is None
