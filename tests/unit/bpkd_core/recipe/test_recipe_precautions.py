"""What cannot go well is said before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.specks import speck, speck_spec, speck_teacher, speck_train
from fakes.training import plain

from bpkd_core.data.validate import check
from bpkd_core.errors import InvalidSpec, MissingExtra
from bpkd_core.events import Event
from bpkd_core.recipe.precautions import judge_batch, judge_crop, judge_sizes, take_precautions
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import Train, parse_spec
from bpkd_core.train.distributed import Group


def plan(**changes: Any) -> Train:
    return Train.model_validate(speck_train(**changes))


@pytest.mark.parametrize(
    ("sizes", "changes"),
    [
        (["96x64"], {"scale": (1.0, 1.0)}),
        (["48x32"], {"scale": (0.5, 2.0)}),
        (["192x128"], {"scale": (1.0, 1.0), "input_downscale": 2}),
        (["10x10", "96x64"], {"scale": (1.0, 1.0)}),
    ],
)
def test_a_crop_that_some_image_fills_is_no_news(sizes: list[str], changes: dict[str, Any]) -> None:
    """A warning at every run is read at none."""
    assert judge_crop(plan(**changes), sizes) is None


def test_a_crop_larger_than_every_image_is_said() -> None:
    """It trains, and spends a quarter of its time on padding."""
    message = judge_crop(plan(crop=(64, 128), scale=(1.0, 1.0)), ["96x64", "10x10"])
    assert message is not None
    assert "crops of 64x128 (height x width) best is 96x64 (width x height)" in message


def test_a_crop_that_is_mostly_padding_is_refused() -> None:
    """A Cityscapes crop on thumbnails: a day for nothing."""
    with pytest.raises(InvalidSpec, match="75% of every crop would be padding") as caught:
        judge_crop(plan(crop=(128, 192), scale=(1.0, 1.0)), ["96x64"])
    assert caught.value.param == "train.crop"


def test_an_image_counts_as_large_as_it_is_fitted() -> None:
    """Photographs of twelve megapixels, fitted into a tenth, fill no crop of their own size."""
    assert judge_crop(plan(scale=(1.0, 1.0), resize=(96, 64)), ["960x640"]) is None
    with pytest.raises(InvalidSpec, match="75% of every crop would be padding"):
        judge_crop(plan(scale=(1.0, 1.0), resize=(48, 32)), ["960x640"])


@pytest.mark.parametrize(
    ("changes", "processes"),
    [({"batch_size": 1}, 1), ({"batch_size": 4, "accumulate": 4}, 1), ({"batch_size": 4, "accumulate": 2}, 2)],
)
def test_batch_norm_over_one_image_is_said(changes: dict[str, Any], processes: int) -> None:
    """However it came about: by the batch, by passes, by processes."""
    message = judge_batch(plan(**changes), speck(11), processes)
    assert message is not None
    assert "a pass holds one image" in message
    assert judge_batch(plan(**changes), plain(11), processes) is None
    assert judge_batch(plan(batch_size=2 * changes["batch_size"]), speck(11), processes) is None


def test_more_processes_than_images_are_refused() -> None:
    """The one without an image would have nothing to say, and the others would wait for it."""
    with pytest.raises(InvalidSpec, match="batch_size is 2 for 3 processes") as caught:
        judge_batch(plan(batch_size=2), plain(11), 3)
    assert caught.value.param == "train.batch_size"


def test_a_student_larger_than_its_teacher_is_said() -> None:
    """Most likely the two were mixed up."""
    message = judge_sizes(speck_teacher(11), speck(11))
    assert message is not None
    assert "more than its teacher's" in message
    assert judge_sizes(speck(11), speck_teacher(11)) is None


@pytest.mark.usefixtures("specks")
def test_a_run_says_each_doubt_once(tmp_path: Path, scenes: Path) -> None:
    """Teacher and student share a schedule: one crop, one sentence."""
    doubtful = speck_train(crop=[64, 128], scale=[1.0, 1.0], batch_size=1)
    spec = speck_spec(
        scenes, train=doubtful, student={"arch": "speck_teacher"}, teacher={"type": "train", "arch": "speck"}
    )
    events: list[Event] = []
    take_precautions(Workshop(parse_spec(spec), tmp_path, events.append, lambda: False), check(scenes))
    assert [event.data["code"] for event in events] == ["crop_padded", "batch_of_one", "student_larger"]


@pytest.mark.usefixtures("specks")
def test_a_run_that_asks_for_a_compiler_where_none_is_ends_at_once(
    tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch would say so too, on its first step, in a page of its own words."""
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("no-such-compiler",))
    spec = parse_spec(speck_spec(scenes, train=speck_train(compile=True)))
    with pytest.raises(MissingExtra, match=r"needs a C\+\+ compiler, and none was found") as caught:
        take_precautions(Workshop(spec, tmp_path, lambda _: None, lambda: False, Group()), check(scenes))
    assert caught.value.param == "train.compile"
