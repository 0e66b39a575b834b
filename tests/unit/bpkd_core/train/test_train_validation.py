"""The quick mIoU of a training against the measure that reports use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fakes.specks import DrawnSpecks, SpeckNet
from torch.nn import functional as F

from bpkd_core.bundle import ClassInfo
from bpkd_core.data import IGNORE_INDEX, Sample
from bpkd_core.data.transforms import as_tensors, normalise
from bpkd_core.metrics import evaluate_masks
from bpkd_core.train.validation import measure_miou, predict_mask

CPU = torch.device("cpu")


def net(num_classes: int = 11) -> SpeckNet:
    torch.manual_seed(0)
    return SpeckNet(num_classes, width=8)


class Odd:
    """Two scenes cut to sides that no stride divides, of which one class is absent."""

    classes = tuple(ClassInfo(id=index, name=str(index), color=(0, 0, 0)) for index in range(12))
    names = ("a", "b")

    def __init__(self) -> None:
        scenes = DrawnSpecks(length=2).samples
        self.samples = [Sample(s.image_HW3[:61, :93].copy(), s.labels_HW[:61, :93].copy()) for s in scenes]
        self.samples[0].labels_HW[:9] = IGNORE_INDEX

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int, /) -> Sample:
        return self.samples[index]


def test_it_is_the_reports_miou_of_whole_images() -> None:
    """The curve that a person watches and the final table must not be two measures."""
    network, data = net(12), Odd()
    with torch.no_grad():
        network.head[1].bias[11] = -1e3  # the absent class is never said
    found = measure_miou(network, data, device=CPU, precision="fp32")
    network.eval()
    with torch.inference_mode():
        masks = [predict_mask(network, as_tensors(sample)[0][None])[0].numpy() for sample in data.samples]
    truth = [sample.labels_HW for sample in data.samples]
    assert found == pytest.approx(evaluate_masks(zip(masks, truth, strict=True), 12).miou, abs=1e-6)
    assert 0 < found < 1


def test_a_network_that_was_training_goes_on_training() -> None:
    """A batch norm left in eval mode would silently stop learning its means."""
    network = net().train()
    measure_miou(network, DrawnSpecks(length=1), device=CPU, precision="fp32")
    assert all(module.training for module in network.modules())


def test_measuring_leaves_no_trace_in_the_network() -> None:
    """Validation more often or less often must give the same weights."""
    network = net()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    measure_miou(network, DrawnSpecks(length=1), device=CPU, precision="fp32")
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_mask_has_the_size_of_its_image() -> None:
    """Sides are padded to the stride with the mean colour, scores are upsampled, and the rest is cut off."""
    network, images = net().eval(), torch.from_numpy(np.arange(61 * 93 * 3, dtype=np.uint8).reshape(1, 61, 93, 3))
    images_N3HW = images.permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = network(F.pad(normalise(images_N3HW), (0, 3, 0, 3)))
        whole = F.interpolate(logits, (64, 96), mode="bilinear", align_corners=False).argmax(1)
        assert torch.equal(predict_mask(network, images_N3HW), whole[:, :61, :93])
