"""Networks of segmentation-models-pytorch as if they were ours."""

from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch

from bpkd_core.errors import UnknownName
from bpkd_core.models import build


@pytest.mark.parametrize(("name", "stride"), [("fpn/resnet18", 4), ("unet/resnet18", 1), ("pspnet/resnet18", 8)])
def test_it_scores_at_the_stride_of_its_decoder(name: str, stride: int) -> None:
    """Distillation compares logits, not their enlargement: 16 times the work at stride 4."""
    net = build(f"smp:{name}", num_classes=5).eval()
    outputs = net.score(torch.randn(2, 3, 64, 96))
    assert outputs.features is not None
    assert net.stride == stride
    assert outputs.logits.shape == (2, 5, 64 // stride, 96 // stride)
    assert outputs.features.shape == (2, net.feature_channels, 64 // stride, 96 // stride)


def test_a_checkpoint_of_the_library_means_the_same() -> None:
    """Its own keys load strictly, and give its own scores before the enlargement."""
    torch.manual_seed(0)
    theirs = smp.create_model("fpn", encoder_name="resnet18", encoder_weights=None, classes=5).eval()
    ours = build("smp:fpn/resnet18", num_classes=5).eval()
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(1, 3, 64, 96)
    scores = theirs.segmentation_head[0](theirs.decoder(theirs.encoder(images)))
    torch.testing.assert_close(ours(images), scores)


@pytest.mark.parametrize("name", ["smp:fpm/resnet18", "smp:fpn/resnet", "smp:fpn"])
def test_a_name_that_the_library_has_not_is_refused(name: str) -> None:
    """The catalog cannot list another library's names, so the adapter says it."""
    with pytest.raises(UnknownName, match="expected a name such as smp:fpn/resnet18"):
        build(name, num_classes=5)


def test_a_prefix_alone_is_no_name() -> None:
    """`smp:` would otherwise reach the library as an empty name."""
    with pytest.raises(UnknownName):
        build("smp:", num_classes=5)


def test_any_size_may_be_scored() -> None:
    """The library's decoders add maps of 1/32 to maps of 1/16, which only fit for multiples of 32."""
    net = build("smp:fpn/resnet18", num_classes=5).eval()
    assert net(torch.randn(1, 3, 90, 121)).shape == (1, 5, 23, 31)
