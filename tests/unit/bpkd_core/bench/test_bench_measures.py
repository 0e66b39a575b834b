from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch

from bpkd_core.bench import loss, peers, training
from bpkd_core.bench.__main__ import answer, found
from bpkd_core.bench.drawn import blobs
from bpkd_core.errors import InvalidInput, InvalidSpec
from bpkd_core.methods import get_method

CPU = torch.device("cpu")


@pytest.fixture
def one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few rounds as there are."""
    for module in (loss, training):
        monkeypatch.setattr(module, "SECONDS", 0.0)


def test_the_plain_divergence_is_channel_wise_distillation() -> None:
    """What CWD is compared with must compute the same number."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(2, 5, 6, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    ours = get_method("cwd", num_classes=5)(student, teacher, torch.zeros(2, 6, 7, dtype=torch.uint8)).terms["cwd"]
    torch.testing.assert_close(loss.cwd_by_kl_div(student, teacher), ours)


@pytest.mark.usefixtures("one_round")
def test_losses_are_compared_on_all_labels() -> None:
    """The ratios are BPKD's times over CWD's, without the making of the edges and with it."""
    rows = list(loss.compare_losses(19, CPU))
    assert [row["labels"] for row in rows] == ["scenes", "blobs"]
    for row in rows:
        assert row["bpkd_to_cwd"] == pytest.approx(row["bpkd_ms"] / row["cwd_ms"])
        assert row["bpkd_whole_to_cwd"] == pytest.approx(row["bpkd_whole_ms"] / row["cwd_ms"])


def test_dilation_less_erosion_of_each_class_gives_our_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame around a library's call, with a library that the tests have: torch."""

    def by_torch(onehot: torch.Tensor) -> torch.Tensor:
        onehot = onehot.float()
        pool: Callable[[torch.Tensor], torch.Tensor] = torch.nn.MaxPool2d(7, 1, 3)
        return pool(onehot) + pool(-onehot)

    monkeypatch.setattr(peers, "PEERS", {"torch": ("torch", by_torch), "none": ("no_such_library", by_torch)})
    monkeypatch.setattr(peers, "blobs", lambda classes: blobs(classes)[:1, :128, :128])
    found, missing = peers.measure_peers(5, (16, 16), CPU)
    assert found["identical"]
    assert missing == {"peer": "none", "installed": False}


@pytest.mark.usefixtures("one_round")
def test_a_training_is_measured_on_every_side() -> None:
    """Images a second of the three, the share of the loss, and the operators where they are asked for."""
    measured = training.measure("swiftnet_r18_nano", "swiftnet_r18_nano", 64, 2, "fp32", CPU, profiled=True)
    assert measured["bpkd_to_kd"] == pytest.approx(measured["bpkd_images_per_s"] / measured["kd_images_per_s"])
    assert measured["bpkd_to_plain"] == pytest.approx(measured["bpkd_images_per_s"] / measured["plain_images_per_s"])
    assert 0 < measured["loss_share"] < 1
    assert measured["profile"][0]["ms"] > 0


def test_the_plain_step_moves_the_student_and_not_the_teacher() -> None:
    """A side that does not train would win every race."""
    batch = training.draw_batch(2, 64, CPU)
    student, teacher = (training.build("swiftnet_r18_nano", num_classes=training.NUM_CLASSES) for _ in range(2))
    before = [[p.clone() for p in net.parameters()] for net in (student, teacher)]
    plan = training.Train(batch_size=2, crop=(64, 64))
    training.plain_step(
        student.train(), teacher.eval(), get_method("bpkd", num_classes=training.NUM_CLASSES), plan, batch
    )()
    moved = [
        any(not torch.equal(old, new) for old, new in zip(olds, net.parameters(), strict=True))
        for olds, net in zip(before, (student, teacher), strict=True)
    ]
    assert moved == [True, False]


def test_the_answer_names_what_it_was_measured_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A time without its machine says nothing."""
    answer("cpu", {"masks": []})
    assert json.loads(capsys.readouterr().out).keys() == {"device", "threads", "torch", "masks"}


@pytest.mark.parametrize("device", ["banana", "cuda:99"])
def test_a_device_that_is_not_here_is_a_sentence(device: str) -> None:
    """What torch says of it names fifteen kinds of device and no cure."""
    with pytest.raises(InvalidInput, match=f'The device is "{device}"; expected one of cpu') as caught:
        found(device)
    assert caught.value.param == "device"


def test_a_crop_that_no_training_takes_is_refused_in_its_words() -> None:
    """A benchmark is of a training as it would be."""
    with pytest.raises(InvalidSpec, match=r"crop is \[33, 33\]; expected multiples of 32"):
        training.measure("pspnet_r101", "pspnet_r18", 33, 2, "fp32", CPU, profiled=False)
