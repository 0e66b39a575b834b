"""Bootstrap over images, against a loop that redraws images one by one."""

import numpy as np
import pytest

from bpkd_core.bundle import Interval
from bpkd_core.errors import InvalidInput, UnknownName
from bpkd_core.metrics import difference, evaluate_masks, gap_closed, interval, intervals
from bpkd_core.metrics.measures import boundary_fscore, class_iou, trimap_miou
from bpkd_core.metrics.quality import SCORES

IMAGES = 12
CLASSES = 3


def truths():
    rng = np.random.default_rng(0)
    return [np.kron(rng.integers(0, CLASSES, (3, 4)), np.ones((6, 6), int)) for _ in range(IMAGES)]


def spoiled(true, share, seed):
    """The truth with a share of its pixels drawn anew, harder on later images."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(true.shape) < share
    return np.where(wrong, rng.integers(0, CLASSES, true.shape), true)


def model(share, seed=1):
    pairs = [(spoiled(true, share * (1 + index / 6), seed + index), true) for index, true in enumerate(truths())]
    return evaluate_masks(pairs, CLASSES)


TEACHER, STUDENT, CONTROL = model(0.05), model(0.10), model(0.20)


def redraws(quality, samples, seed):
    """mIoU of each draw from the confusion of its images, one image at a time."""
    counts = np.random.default_rng(seed).multinomial(IMAGES, [1 / IMAGES] * IMAGES, size=samples)
    for drawn in counts:
        agreed, true, predicted = sum(n * overlap for n, overlap in zip(drawn, quality.per_image.region, strict=True))
        yield np.mean(agreed / (true + predicted - agreed))


def test_the_interval_of_miou_matches_a_loop_over_draws():
    """Sums over drawn images, then the ratio; not a mean of ratios."""
    found = interval(STUDENT, samples=50, seed=3)
    expected = np.quantile(list(redraws(STUDENT, 50, 3)), (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-12)
    assert found.low < found.value < found.high
    assert found.value == STUDENT.miou


@pytest.mark.parametrize("measure", [*SCORES, "trimap_miou_1px", "trimap_miou_20px", "boundary_fscore_5px"])
def test_every_measure_is_drawn_from_the_counts_of_whole_images(measure):
    """A draw is a dataset: evaluating the drawn masks themselves must give the measure of that draw."""
    truth = truths()
    masks = [(spoiled(true, 0.15, index), true) for index, true in enumerate(truth)]
    low, high = (
        interval(evaluate_masks(masks, CLASSES), measure, samples=1, seed=4).model_dump()[k] for k in ("low", "high")
    )
    drawn = np.random.default_rng(4).multinomial(IMAGES, [1 / IMAGES] * IMAGES, size=1)[0]
    again = evaluate_masks([pair for pair, n in zip(masks, drawn, strict=True) for _ in range(n)], CLASSES)
    assert low == high == pytest.approx(interval(again, measure).value, abs=1e-12)


@pytest.mark.parametrize(("measure", "numbers"), [(class_iou, CLASSES), (trimap_miou, 20), (boundary_fscore, 4)])
def test_a_curve_has_an_interval_at_every_point(measure, numbers):
    """The report draws them as a ribbon; each point must lie inside."""
    found = intervals(STUDENT, measure)
    assert len(found) == numbers
    assert all(each.low <= each.value <= each.high for each in found)


def test_a_class_that_is_absent_has_no_interval():
    """Undefined in every draw: null in the report, not a number and not a crash."""
    quality = evaluate_masks([(np.zeros((3, 3), int), np.zeros((3, 3), int))] * 3, 2)
    assert intervals(quality, class_iou) == [Interval(value=1.0, low=1.0, high=1.0), Interval()]


def test_the_per_image_counts_sum_to_the_measures():
    """What is redrawn must be what is reported."""
    np.testing.assert_array_equal(STUDENT.total.region[0], STUDENT.confusion.diagonal())
    np.testing.assert_array_equal(STUDENT.total.edge[1], STUDENT.edge_confusion.sum(axis=1))


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    """A published interval can be computed again."""
    assert interval(STUDENT, seed=5) == interval(STUDENT, seed=5) != interval(STUDENT, seed=6)


def test_gap_closed_is_paired_and_matches_a_loop():
    """All three models must be judged on the same draws, or hard images pass for differences between models."""
    teachers, controls, students = (np.array(list(redraws(q, 60, 2))) for q in (TEACHER, CONTROL, STUDENT))
    expected = np.quantile((students - controls) / (teachers - controls), (0.025, 0.975))
    gap = gap_closed(TEACHER, CONTROL, STUDENT, samples=60, seed=2)
    assert gap.value == (STUDENT.miou - CONTROL.miou) / (TEACHER.miou - CONTROL.miou)
    assert (gap.low, gap.high) == pytest.approx(tuple(expected), abs=1e-9)
    assert 0 < gap.low < gap.value < gap.high < 1
    assert gap.reason is None


def test_gap_closed_is_zero_for_the_control_and_one_for_the_teacher():
    """Exactly, in every draw: pairing leaves no noise."""
    assert gap_closed(TEACHER, CONTROL, CONTROL) == Interval(value=0.0, low=0.0, high=0.0)
    assert gap_closed(TEACHER, CONTROL, TEACHER) == Interval(value=1.0, low=1.0, high=1.0)


def test_gap_closed_is_undefined_when_the_teacher_is_no_better():
    """A ratio over nothing must not look like a result."""
    gap = gap_closed(CONTROL, TEACHER, STUDENT)
    assert (gap.value, gap.low, gap.high) == (None, None, None)
    assert "no gap to close" in str(gap.reason)
    assert gap_closed(CONTROL, CONTROL, STUDENT).value is None


def test_gap_closed_has_no_bounds_when_the_teacher_is_hardly_better():
    """When draws disagree about the sign of the gap, percentiles of the ratio mean nothing."""
    shares = np.where(np.arange(IMAGES) % 2, 0.1, 0.3)
    odd, even = (
        evaluate_masks([(spoiled(t, s, 9), t) for t, s in zip(truths(), order, strict=True)], CLASSES)
        for order in (shares, shares[::-1])
    )
    control, teacher = sorted((odd, even), key=lambda quality: quality.miou)
    gap = gap_closed(teacher, control, TEACHER)
    assert gap.value is not None
    assert gap.value > 1
    assert (gap.low, gap.high) == (None, None)
    assert "does not beat the control in" in str(gap.reason)


@pytest.mark.parametrize("measure", ["miou", "boundary_iou", "edge_miou"])
def test_difference_is_paired_and_changes_sign_with_its_arguments(measure):
    """Student minus control, in either measure, with the interval of the difference and not of each."""
    better = difference(STUDENT, CONTROL, measure)
    worse = difference(CONTROL, STUDENT, measure)
    assert better.value == getattr(STUDENT, measure) - getattr(CONTROL, measure)
    assert 0 < better.low < better.value < better.high
    assert (worse.low, worse.high) == pytest.approx((-better.high, -better.low), abs=1e-12)


def test_difference_of_a_model_with_itself_is_exactly_nothing():
    """Shows the pairing: unpaired draws would give a wide interval."""
    assert difference(STUDENT, STUDENT) == Interval(value=0.0, low=0.0, high=0.0)


def test_evaluations_on_other_images_are_refused():
    """A paired comparison of unpaired images would be quietly wrong."""
    fewer = evaluate_masks([(true, true) for true in truths()[:-1]], CLASSES)
    reordered = evaluate_masks([(true, true) for true in truths()[::-1]], CLASSES)
    for other in (fewer, reordered):
        with pytest.raises(InvalidInput, match="same images in the same order"):
            difference(STUDENT, other)
        with pytest.raises(InvalidInput, match="same images in the same order"):
            gap_closed(TEACHER, other, STUDENT)


def test_nothing_to_compare_is_said_and_not_counted():
    """All void: no bounds for one model, a reason for two and three."""
    void = evaluate_masks([(np.zeros((3, 3), int), np.full((3, 3), 255))], CLASSES)
    assert interval(void) == Interval()
    for found in (difference(void, void), gap_closed(void, void, void)):
        assert found == Interval(reason="There is no valid pixel to compare on.")


def test_draws_of_void_images_only_are_left_out():
    """One good image among void ones: every defined draw has the same score."""
    void = (np.zeros((3, 3), int), np.full((3, 3), 255))
    quality = evaluate_masks([void, void, (np.eye(3, dtype=int), np.zeros((3, 3), int))], CLASSES)
    assert interval(quality, samples=200) == Interval(value=quality.miou, low=quality.miou, high=quality.miou)


def test_an_unknown_measure_or_no_samples_is_refused():
    """A sentence instead of a KeyError."""
    with pytest.raises(UnknownName, match=r'Unknown measure "boundary_io"\. Did you mean "boundary_iou"'):
        difference(STUDENT, CONTROL, "boundary_io")
    with pytest.raises(InvalidInput, match="samples is 0"):
        interval(STUDENT, samples=0)
