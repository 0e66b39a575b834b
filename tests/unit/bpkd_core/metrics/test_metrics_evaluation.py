"""Every measure against a loop over pixels, and by hand."""

import json
import math

import numpy as np
import pytest
import torch

from bpkd_core.boundary import edge_masks
from bpkd_core.errors import InvalidInput
from bpkd_core.metrics import ConfusedPair, evaluate_masks

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


def window_labels(mask, true, y, x, radius):
    """Labels at valid pixels of the clipped square window."""
    rows, columns = slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1)
    return set(mask[rows, columns][true[rows, columns] != VOID].tolist())


def valid_pixels(true):
    return [(int(y), int(x)) for y, x in np.argwhere(true != VOID)]


def mean_iou(triples):
    """Mean over classes of the IoU of sets of (image, y, x)."""
    scores = [len(p & t) / len(p | t) for p, t in triples if p | t]
    return sum(scores) / len(scores) if scores else math.nan


def class_sets(keep_predicted, keep_true):
    """Per class, the predicted and the true pixels for which keep(mask, true, y, x) holds."""
    sets = [(set(), set()) for _ in range(CLASSES)]
    for index, (predicted, true) in enumerate(PAIRS):
        for y, x in valid_pixels(true):
            if keep_predicted(predicted, true, y, x):
                sets[predicted[y, x]][0].add((index, y, x))
            if keep_true(predicted, true, y, x):
                sets[true[y, x]][1].add((index, y, x))
    return sets


def slow_region_iou(keep):
    return mean_iou(class_sets(keep, keep))


def slow_boundary_iou():
    def near(mask, true, y, x):
        height, width = mask.shape
        d = max(1, round(0.02 * math.hypot(height, width)))
        at_frame = min(y, x, height - 1 - y, width - 1 - x) < d
        return at_frame or len(window_labels(mask, true, y, x, d)) > 1

    return mean_iou(class_sets(near, lambda predicted, true, y, x: near(true, true, y, x)))


def slow_fscore(tolerance_px):
    def on_contour(mask, true, y, x):
        return len(window_labels(mask, true, y, x, 1)) > 1

    def matched(some, others):
        return sum(
            any(i == j and max(abs(y - v), abs(x - u)) <= tolerance_px for j, v, u in others) for i, y, x in some
        )

    scores = []
    for predicted, true in class_sets(on_contour, lambda _, true, y, x: on_contour(true, true, y, x)):
        if predicted or true:
            precision = matched(predicted, true) / len(predicted) if predicted else 0
            recall = matched(true, predicted) / len(true) if true else 0
            scores.append(2 * precision * recall / (precision + recall) if precision + recall else 0)
    return sum(scores) / len(scores)


def in_true_band(radius):
    return lambda predicted, true, y, x: len(window_labels(true, true, y, x, radius)) > 1


QUALITY = evaluate_masks(PAIRS, CLASSES)


def test_confusion_and_accuracies_match_a_loop():
    """The plain measures; void never counts."""
    confusion = np.zeros((CLASSES, CLASSES), int)
    for predicted, true in PAIRS:
        for place in valid_pixels(true):
            confusion[true[place], predicted[place]] += 1
    np.testing.assert_array_equal(QUALITY.confusion, confusion)
    assert QUALITY.pixels == confusion.sum()
    assert QUALITY.images == len(PAIRS)
    assert QUALITY.pixel_accuracy == pytest.approx(np.trace(confusion) / confusion.sum(), abs=1e-12)
    recalls = [confusion[c, c] / confusion[c].sum() for c in range(CLASSES) if confusion[c].sum()]
    assert QUALITY.mean_accuracy == pytest.approx(np.mean(recalls), abs=1e-12)


def test_miou_matches_a_loop():
    """The number that is compared most."""
    assert QUALITY.miou == pytest.approx(slow_region_iou(lambda *_: True), abs=1e-12)


def test_boundary_iou_matches_a_loop():
    """The window and frame rules of Boundary IoU, written pixel by pixel."""
    assert QUALITY.boundary_iou == pytest.approx(slow_boundary_iou(), abs=1e-12)


@pytest.mark.parametrize("tolerance_px", [1, 2, 3, 5])
def test_contour_fscore_matches_a_loop(tolerance_px):
    """Matching within the class, per image, pooled over images."""
    assert QUALITY.boundary_fscore[tolerance_px] == pytest.approx(slow_fscore(tolerance_px), abs=1e-12)


@pytest.mark.parametrize("width_px", [1, 2, 3, 7, 20])
def test_trimap_miou_matches_a_loop(width_px):
    """Bands are cumulated from exact distances; each must equal the band drawn directly."""
    assert QUALITY.trimap_miou[width_px] == pytest.approx(slow_region_iou(in_true_band(width_px)), abs=1e-12)


@pytest.mark.parametrize("edge_width_px", [3, 5, 7])
def test_edge_and_body_miou_match_a_loop(edge_width_px):
    """The split must be that of the loss: where the k x k window holds two classes, and its complement."""
    quality = evaluate_masks(PAIRS, CLASSES, edge_width_px=edge_width_px)
    in_edge = in_true_band(edge_width_px // 2)
    assert quality.edge_miou == pytest.approx(slow_region_iou(in_edge), abs=1e-12)
    body = slow_region_iou(lambda *at: not in_edge(*at))
    assert quality.body_miou == pytest.approx(body, abs=1e-12, nan_ok=True)


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
    report = evaluate_masks([(true, true) for _, true in PAIRS], CLASSES, edge_width_px=3).to_dict()
    for name in ("miou", "mean_accuracy", "pixel_accuracy", "boundary_iou", "edge_miou", "body_miou"):
        assert report[name] == 1
    assert set(report["boundary_fscore"].values()) == set(report["trimap_miou"].values()) == {1.0}
    assert report["worst_edge_pairs"] == []


def test_what_is_predicted_at_void_changes_nothing():
    """Ids at void pixels are arbitrary, even ones that no class has."""
    rng = np.random.default_rng(0)
    altered = []
    for predicted, true in PAIRS:
        noise = rng.integers(0, 256, true.shape).astype(np.uint8)
        altered.append((np.where(true == VOID, noise, predicted), true))
    assert evaluate_masks(altered, CLASSES).to_dict() == QUALITY.to_dict()


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


def test_an_all_void_dataset_is_undefined_and_still_json():
    """NaN is no JSON; the report says null."""
    true = np.full((4, 4), VOID)
    quality = evaluate_masks([(np.zeros((4, 4), int), true)], 2)
    report = json.loads(json.dumps(quality.to_dict(), allow_nan=False))
    assert report["miou"] is None
    assert report["per_class_iou"] == [None, None]
    assert report["trimap_miou"]["20"] is None
    assert (report["images"], report["pixels"]) == (1, 0)


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
