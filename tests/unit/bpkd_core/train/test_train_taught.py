"""A step on labels that the teacher gives against the same step on the same labels, given."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from fakes.specks import DrawnSpecks, speck_train
from fakes.training import copied, distil, fresh, same_bits
from torch import Tensor

from bpkd_core.data.batches import Batch
from bpkd_core.data.folder import UNLABELLED
from bpkd_core.spec import Train
from bpkd_core.train.labels import complete
from bpkd_core.train.objective import Distillation
from bpkd_core.train.state import State
from bpkd_core.train.stepper import Stepper

CPU = torch.device("cpu")


def batch() -> tuple[Tensor, Tensor]:
    """Four images: two labelled, two not."""
    samples = DrawnSpecks().samples
    images = torch.stack([torch.from_numpy(each.image_HW3.copy()).permute(2, 0, 1) for each in samples])
    labels = torch.stack([torch.from_numpy(each.labels_HW.copy()) for each in samples])
    labels[2:, :40] = UNLABELLED  # and void where a crop was padded
    return images, labels


def step(distillation: Distillation, labels: Tensor, passes: int = 1) -> tuple[dict[str, float], dict[str, Tensor]]:
    net, schedule = fresh(), Train.model_validate(speck_train(batch_size=4, accumulate=passes))
    stepper = Stepper(State.fresh(net, schedule, distillation, CPU), schedule, distillation, emit=lambda _: None)
    terms = stepper.take(Batch(batch()[0], labels))
    return {name: float(value) for name, value in terms.items()}, copied(net)


@pytest.mark.parametrize(("method", "passes"), [("bpkd", 1), ("none", 1), ("kd", 2)])
def test_the_teachers_labels_are_labels_like_others(method: str, passes: int) -> None:
    """Cross-entropy, edges and the weight of each pass see them as if somebody had drawn them."""
    images, labels = batch()
    taught = replace(distil(method), label_confidence=0.1)
    said = torch.cat([taught.teacher.look(part).logits for part in images.tensor_split(passes)])
    given, completed = distil(method), complete(labels, said, 0.1)
    terms, weights = step(taught, labels, passes)
    expected, expected_weights = step(given, completed, passes)
    assert terms == expected
    assert same_bits(weights, expected_weights)
    assert terms["ce"] > 0


def test_the_teacher_is_asked_once_a_step() -> None:
    """It is the larger network: asking it twice, for labels and for the loss, would double the price."""
    taught = replace(distil("kd"), label_confidence=0.0)
    looks = 0
    look = taught.teacher.look

    class Counted:
        num_classes = taught.teacher.num_classes
        feature_channels = taught.teacher.feature_channels

        def look(self, images_N3HW: Tensor):
            nonlocal looks
            looks += 1
            return look(images_N3HW)

    step(replace(taught, teacher=Counted()), batch()[1])
    assert looks == 1
