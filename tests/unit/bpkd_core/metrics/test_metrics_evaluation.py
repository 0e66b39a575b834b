"""Every measure against a loop over pixels, and by hand."""

import math

import numpy as np
import pytest
import torch
from references import quality as loops

from bpkd_core.boundary import edge_masks
from bpkd_core.errors import InvalidInput
from bpkd_core.metrics import ConfusedPair, evaluate_masks
from bpkd_core.metrics.quality import SCORES

VOID = 255
CLASSES = 4


def scene(seed, shape=(12, 16)):
    """A true mask with void and a prediction that errs at borders, in bodies and on void."""
    rng = np.random.default_rng(seed)
    blocks = rng.choice([0, 1, 2, VOID], size=(4, 4), p=[0.4, 0.3, 0.2, 0.1])
    true = np.kron(blocks, np.ones((4, 4), int))[: shape[0], : shape[1]]
    predicted = np.roll(true, 1, axis=seed % 2)
    predicted[predicted == VOID] = 3
    noise = rng.random(true.shape) < 0.1
    predicted[noise] = rng.integers(0, CLASSES, noise.sum())
    return predicted.astype(np.uint8), true.astype(np.uint8)


PAIRS = [scene(seed) for seed in range(5)] + [scene(7, (10, 13))]
VOID_IMAGE = (np.zeros((5, 4), np.uint8), np.full((5, 4), VOID, np.uint8))
ONE = (np.zeros((7, 9), np.uint8), np.zeros((7, 9), np.uint8))
DATASETS = {
    "void and an absent class": PAIRS,
    "odd sizes, thinner than a band": [scene(9, (3, 15)), scene(10, (11, 1)), scene(11, (1, 1))],
    "no void": [(predicted, np.where(true == VOID, 0, true)) for predicted, true in PAIRS[:2]],
    "one class": [ONE],
    "one class in truth, another said": [(ONE[0] + np.uint8(2), ONE[1])],
    "an image without a label among others": [VOID_IMAGE, PAIRS[0]],
}
QUALITY = evaluate_masks(PAIRS, CLASSES)


@pytest.fixture(params=DATASETS)
def pairs(request):
    return DATASETS[request.param]


def measured(quality):
    """Every measure as plain numbers, None where undefined."""
    curves = {name: getattr(quality, name) for name in ("boundary_fscore", "trimap_miou")}
    numbers = {name: getattr(quality, name) for name in SCORES}
    numbers |= {(name, px): value for name, curve in curves.items() for px, value in curve.items()}
    return {name: None if math.isnan(value) else value for name, value in numbers.items()}


def same(value):
    return pytest.approx(value, abs=1e-12, nan_ok=True)


def test_confusion_and_accuracies_match_a_loop(pairs):
    """The plain measures; void never counts."""
    quality, confusion = evaluate_masks(pairs, CLASSES), loops.confusion(pairs, CLASSES)
    np.testing.assert_array_equal(quality.confusion, confusion)
    assert (quality.pixels, quality.images) == (confusion.sum(), len(pairs))
    assert quality.pixel_accuracy == same(np.trace(confusion) / confusion.sum())
    recalls = [confusion[c, c] / confusion[c].sum() for c in range(CLASSES) if confusion[c].sum()]
    assert quality.mean_accuracy == same(np.mean(recalls))


def test_miou_matches_a_loop(pairs):
    """The number that is compared most."""
    assert evaluate_masks(pairs, CLASSES).miou == same(loops.region_miou(pairs, CLASSES))


def test_boundary_iou_matches_a_loop(pairs):
    """The window and frame rules of Boundary IoU, written pixel by pixel."""
    assert evaluate_masks(pairs, CLASSES).boundary_iou == same(loops.boundary_iou(pairs, CLASSES))


def test_contour_fscore_matches_a_loop(pairs):
    """Matching within the class, per image, pooled over images."""
    found = evaluate_masks(pairs, CLASSES).boundary_fscore
    assert found == {px: same(loops.boundary_fscore(pairs, CLASSES, px)) for px in (1, 2, 3, 5)}


def test_trimap_miou_matches_a_loop(pairs):
    """Bands are cumulated from exact distances; each must equal the band drawn directly."""
    found = evaluate_masks(pairs, CLASSES).trimap_miou
    for px in (1, 2, 3, 7, 20):
        assert found[px] == same(loops.region_miou(pairs, CLASSES, loops.in_true_band(px)))


@pytest.mark.parametrize("edge_width_px", [1, 3, 5, 7])
def test_edge_and_body_match_a_loop(pairs, edge_width_px):
    """The split must be that of the loss: where the k x k window holds two classes, and its complement."""
    quality, in_edge = (
        evaluate_masks(pairs, CLASSES, edge_width_px=edge_width_px),
        loops.in_true_band(edge_width_px // 2),
    )
    assert quality.edge_miou == same(loops.region_miou(pairs, CLASSES, in_edge))
    assert quality.body_miou == same(loops.region_miou(pairs, CLASSES, lambda *at: not in_edge(*at)))
    np.testing.assert_array_equal(quality.edge_confusion, loops.confusion(pairs, CLASSES, in_edge))


@pytest.mark.parametrize("edge_width_px", [1, 3, 7])
def test_the_edge_region_is_the_union_of_the_masks_that_the_loss_uses(edge_width_px):
    """Two implementations, NumPy here and torch there; "edge mIoU" must mean the pixels that the loss weighs."""
    quality = evaluate_masks(PAIRS, CLASSES, edge_width_px=edge_width_px)
    expected = np.zeros(CLASSES, int)
    for _, true in PAIRS:
        masks_NCHW = edge_masks(torch.from_numpy(true)[None], CLASSES, width_px=edge_width_px)
        inside = masks_NCHW[0].amax(dim=0).numpy() > 0
        expected += np.bincount(true[inside], minlength=CLASSES)
    assert quality.edge_confusion.sum(axis=1).tolist() == expected.tolist()


def test_trimap_reports_every_width_from_1_to_20():
    """A report draws a curve over them."""
    assert list(QUALITY.trimap_miou) == list(range(1, 21))


def test_a_perfect_prediction_scores_one_in_every_measure():
    """No measure may punish the truth itself, at void and frame least of all."""
    quality = evaluate_masks([(true, true) for _, true in PAIRS], CLASSES, edge_width_px=3)
    assert set(measured(quality).values()) == {1.0}
    assert quality.worst_edge_pairs() == ()


def test_what_is_predicted_at_void_changes_nothing():
    """Ids at void pixels are arbitrary, even ones that no class has."""
    rng = np.random.default_rng(0)
    altered = []
    for predicted, true in PAIRS:
        noise = rng.integers(0, 256, true.shape).astype(np.uint8)
        altered.append((np.where(true == VOID, noise, predicted), true))
    quality = evaluate_masks(altered, CLASSES)
    assert measured(quality) == measured(QUALITY)
    np.testing.assert_array_equal(quality.edge_confusion, QUALITY.edge_confusion)


def test_two_halves_shifted_by_one_pixel_by_hand():
    """A case small enough to count: 2 x 6, the border predicted one column too far right."""
    true = np.array([[0, 0, 0, 1, 1, 1]] * 2)
    predicted = np.array([[0, 0, 0, 0, 1, 1]] * 2)
    quality = evaluate_masks([(predicted, true)], 2, edge_width_px=3)
    assert quality.per_class_iou.tolist() == [3 / 4, 2 / 3]
    assert quality.trimap_miou[1] == pytest.approx((1 / 2 + 0) / 2)
    assert quality.edge_miou == quality.trimap_miou[1]
    assert quality.body_miou == 1
    assert quality.boundary_fscore[1] == 1
    assert quality.worst_edge_pairs() == (ConfusedPair("1", "0", 2, 1.0),)


def test_the_widest_trimap_band_ends_20_px_from_the_border():
    """The outermost pixel belongs to the band of 20 px and to no narrower one; the next belongs to none."""
    true = np.array([[0] * 30 + [1] * 30])
    predicted = true.copy()
    predicted[0, [30 - 20, 30 - 21]] = 1
    trimap = evaluate_masks([(predicted, true)], 2).trimap_miou
    assert trimap[19] == 1
    assert trimap[20] == pytest.approx((19 / 20 + 20 / 21) / 2)


def test_the_frame_is_a_contour_for_boundary_iou_only():
    """One class over the whole image has no border, but Boundary IoU still has pixels to look at."""
    mask = np.zeros((20, 30), np.uint8)
    quality = evaluate_masks([(mask, mask)], 1)
    assert quality.boundary_iou == 1
    assert quality.total.boundary.tolist() == [[20 * 30 - 18 * 28]] * 3
    assert math.isnan(quality.edge_miou)
    assert math.isnan(quality.boundary_fscore[1])
    assert quality.body_miou == 1


def test_worst_edge_pairs_are_named_and_sorted():
    """They point a person at the classes to look at."""
    true = np.array([[0] * 6 + [1] * 6] * 4)
    predicted = true.copy()
    predicted[:3, 5] = 2
    predicted[0, 6] = 0
    quality = evaluate_masks([(predicted, true)], 3, class_names=["road", "car", "pole"])
    assert quality.worst_edge_pairs() == (
        ConfusedPair("road", "pole", 3, 0.75),
        ConfusedPair("car", "road", 1, 0.25),
    )
    assert quality.worst_edge_pairs(limit=1) == quality.worst_edge_pairs()[:1]


def test_a_class_that_occurs_nowhere_has_no_iou_and_a_class_only_predicted_has_zero():
    """Absent classes must not pull a mean down; false alarms must."""
    quality = evaluate_masks([(np.array([[0, 2]]), np.array([[0, 0]]))], 3)
    np.testing.assert_array_equal(quality.per_class_iou, [0.5, np.nan, 0])
    assert quality.miou == 0.25
    assert quality.mean_accuracy == 0.5


def test_an_all_void_dataset_is_undefined_in_every_measure():
    """0 / 0 is neither 0 nor 1, and no warning of NumPy's either."""
    quality = evaluate_masks([(np.zeros((4, 4), int), np.full((4, 4), VOID))], 2)
    assert set(measured(quality).values()) == {None}
    assert np.isnan(quality.per_class_iou).all()
    assert (quality.images, quality.pixels) == (1, 0)


def test_more_classes_than_a_byte_holds_are_judged_alike():
    """ADE20K has 150 classes, others more; ids then live in wider types. Mirrored ids must not change a score."""
    wide = [
        (299 - predicted.astype(int), np.where(true == VOID, 999, 299 - true.astype(int))) for predicted, true in PAIRS
    ]
    quality = evaluate_masks(wide, 300, ignore_index=999)
    for name in ("miou", "boundary_iou", "edge_miou", "body_miou", "boundary_fscore", "trimap_miou"):
        assert getattr(quality, name) == pytest.approx(getattr(QUALITY, name), abs=1e-12, nan_ok=True)


def test_masks_are_left_as_they_were():
    """The caller draws the same arrays in the error map afterwards."""
    predicted, true = scene(3)
    before = predicted.copy(), true.copy()
    evaluate_masks([(predicted, true)], CLASSES)
    np.testing.assert_array_equal((predicted, true), before)


GOOD = np.zeros((3, 4), np.uint8)


@pytest.mark.parametrize(
    ("pairs", "options", "sentence"),
    [
        ([], {}, "no pair of masks"),
        ([(GOOD, GOOD), (GOOD[:2], GOOD)], {}, r"Pair 1: the predicted mask is \(2, 4\)"),
        ([(GOOD, GOOD[None])], {}, r"Pair 0: the true mask is uint8 of shape \(1, 3, 4\)"),
        ([(GOOD.astype(float), GOOD)], {}, "the predicted mask is float64"),
        ([(GOOD[:0], GOOD[:0])], {}, r"shape \(0, 4\)"),
        ([(GOOD, GOOD + 7)], {}, r"the true mask holds id 7 at 12 pixels, expected 0\.\.\.1 or 255"),
        ([(GOOD + 255, GOOD)], {}, "the predicted mask holds id 255 at 12 pixels"),
        ([(GOOD.astype(int) - 1, GOOD)], {}, "the predicted mask holds id -1"),
        ([(GOOD, GOOD)], {"edge_width_px": 6}, "odd"),
        ([(GOOD, GOOD)], {"edge_width_px": -1}, "positive"),
        ([(GOOD, GOOD)], {"class_names": ["road"]}, "1 class names for 2 classes"),
        ([(GOOD, GOOD)], {"num_classes": 0}, "at least 1"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(pairs, options, sentence):
    """Each says what was found and what was expected, and which pair it was."""
    with pytest.raises(InvalidInput, match=sentence):
        evaluate_masks(pairs, **{"num_classes": 2, **options})
