"""How many steps fit into a budget."""

from __future__ import annotations

import itertools

import pytest
import torch
from fakes.specks import DrawnSpecks, speck, speck_train

from bpkd_core.data import Sample
from bpkd_core.spec import Train
from bpkd_core.train import pace
from bpkd_core.train.pace import MIN_STEPS, Steps, fit_budget, fixed_seconds, measure_step

CPU = torch.device("cpu")


def test_teacher_and_students_get_half_of_what_is_left_each() -> None:
    """600 s less 100 s for the rest: 250 s of teacher at 0.5 s a step, 250 s of pairs at 0.2 s."""
    assert fit_budget(600, teacher_step_s=0.5, pair_step_s=0.2, fixed_s=100) == Steps(teacher=500, student=1250)


def test_a_given_teacher_leaves_all_the_time_to_the_students() -> None:
    """Nothing is to be trained for it."""
    assert fit_budget(600, teacher_step_s=0, pair_step_s=0.2, fixed_s=100) == Steps(teacher=0, student=2500)


@pytest.mark.parametrize("budget_s", [0.0, 99.0, 100.5])
def test_a_budget_that_is_too_small_still_gives_a_run(budget_s: float) -> None:
    """Late is better than nothing; twenty steps show at least that everything works."""
    steps = fit_budget(budget_s, teacher_step_s=0.5, pair_step_s=0.2, fixed_s=100)
    assert steps == Steps(teacher=MIN_STEPS, student=MIN_STEPS)


def test_the_steps_fill_the_budget_and_do_not_exceed_it() -> None:
    """The promise of `--minutes`, at odd numbers."""
    steps = fit_budget(1777, teacher_step_s=0.37, pair_step_s=0.23, fixed_s=93)
    spent = 93 + steps.teacher * 0.37 + steps.student * 0.23
    assert 1777 - 0.37 - 0.23 < spent <= 1777


def test_the_rest_grows_with_networks_and_images() -> None:
    """Export costs by the network, evaluation by the image as well."""
    assert fixed_seconds(3, 100) == 3 * fixed_seconds(1, 100)
    assert fixed_seconds(1, 200) - fixed_seconds(1, 100) == pytest.approx(100 * pace.SECONDS_PER_IMAGE)


def test_the_pace_is_the_median_after_the_first_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first steps build kernels; one step that the machine was busy in must not count either."""
    steps_s = [9.0, 9.0, 9.0, 0.1, 0.3, 0.2, 9.0, 0.2]
    starts = [sum(steps_s[:done]) for done in range(len(steps_s) + 1)]
    ticks = itertools.chain([0.0], *([end, end] for end in starts[1:]))
    monkeypatch.setattr(pace.time, "perf_counter", lambda: next(ticks))
    plan, data = Train.model_validate(speck_train()), DrawnSpecks()
    assert measure_step(speck(11), plan, data, None, CPU) == pytest.approx(0.2)


class Slow(DrawnSpecks):
    """Its decoder takes an hour for each image, which it does once."""

    def __init__(self, clock: list[float]) -> None:
        super().__init__()
        self.clock = clock
        self.decoded: set[int] = set()

    def __getitem__(self, index: int, /) -> Sample:
        if index not in self.decoded:
            self.decoded.add(index)
            self.clock[0] += 3600
        return super().__getitem__(index)


def test_the_pace_is_that_of_images_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training decodes each image once and visits it a hundred times; a short measurement sees first visits only."""
    clock = [0.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: clock[0])
    data = Slow(clock)
    assert measure_step(speck(11), Train.model_validate(speck_train()), data, None, CPU) == 0
    assert data.decoded
