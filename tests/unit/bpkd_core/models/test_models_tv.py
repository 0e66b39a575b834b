"""Networks of torchvision."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import get_model

from bpkd_core.errors import UnknownName
from bpkd_core.models import build
from bpkd_core.models.base import Outputs


@pytest.mark.parametrize(
    ("name", "stride", "features", "aux"),
    [("lraspp_mobilenet_v3_large", 8, None, 0), ("deeplabv3_mobilenet_v3_large", 16, 256, 1)],
)
def test_it_is_the_librarys_network_before_the_enlarging(
    name: str, stride: int, features: int | None, aux: int
) -> None:
    """Its checkpoints load under its own keys, and its masks come out."""
    torch.manual_seed(0)
    options = {"aux_loss": True} if aux else {}
    theirs = get_model(name, weights=None, weights_backbone=None, num_classes=4, **options).eval()
    net = build(f"tv:{name}", num_classes=4)
    assert (net.stride, net.feature_channels) == (stride, features)
    net.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 64, 96)
    outputs = net.train()(images)
    assert isinstance(outputs, Outputs)
    assert len(outputs.aux) == aux
    assert (outputs.features is None) == (features is None)
    with torch.no_grad():
        logits = net.load_state_dict(theirs.state_dict()) and net.eval()(images)
        enlarged = torch.nn.functional.interpolate(logits, (64, 96), mode="bilinear", align_corners=False)
        torch.testing.assert_close(enlarged, theirs(images)["out"])


def test_an_unknown_network_names_the_nearest() -> None:
    """The library's own names are long."""
    with pytest.raises(UnknownName, match='Did you mean "lraspp_mobilenet_v3_large"'):
        build("tv:lraspp_mobilenet_v3", num_classes=3)
