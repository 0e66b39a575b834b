"""Backbones that others trained: the same numbers come out of our layers, or the file is refused by what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models import build
from bpkd_core.models.checkpoints.opening import extract
from bpkd_core.models.hub import find_weights
from bpkd_core.models.mobilenet import MobileNetV2
from bpkd_core.models.pretrained import translate_backbone
from bpkd_core.models.resnet import resnet_18, resnet_101
from bpkd_core.models.swin import SwinT


def drawn(net: nn.Module) -> nn.Module:
    """Weights and statistics unlike any fresh ones, so that a swapped pair shows."""
    generator = torch.Generator().manual_seed(0)
    for key, value in net.state_dict().items():
        if value.is_floating_point() and "mask" not in key:
            noise = torch.randn(value.shape, generator=generator) * 0.1
            value.copy_(noise.abs() + 0.5 if key.endswith("var") else noise + (value.ndim == 1 and "weight" in key))
    return net.eval()


def translated(backbone: nn.Module, theirs: nn.Module) -> nn.Module:
    weights = translate_backbone(backbone, theirs.state_dict(), "theirs.pth")
    missing, _ = backbone.load_state_dict(weights, strict=False)
    assert [key for key in missing if backbone.state_dict()[key].is_floating_point()] == []
    return backbone.eval()


def first_stages(net: nn.Module, library: str, images: Tensor) -> Tensor:
    """MobileNetV2 up to the end of layer3, before anything dilates here."""
    if library == "torchvision":
        return net.get_submodule("features")[:7](images)  # type: ignore[index]
    x = net.get_submodule("bn1")(net.get_submodule("conv_stem")(images))
    return net.get_submodule("blocks")[:3](x)  # type: ignore[index]


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_mobilenet_says_what_it_says_there(library: str) -> None:
    """The two libraries and OpenMMLab name its fifty layers in three ways."""
    theirs = drawn(
        torchvision.models.mobilenet_v2() if library == "torchvision" else timm.create_model("mobilenetv2_100")
    )
    ours, images = translated(MobileNetV2(), theirs), torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        found = images
        for name in ("conv1", "layer1", "layer2", "layer3"):
            found = ours.get_submodule(name)(found)
        torch.testing.assert_close(found, first_stages(theirs, library, images))


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_swin_says_what_it_says_there(library: str) -> None:
    """Neighbours are merged in another order there, and timm counts the merging to the stage behind it."""
    if library == "torchvision":
        theirs = drawn(torchvision.models.swin_t())
        stages = theirs.get_submodule("features")[:4]  # type: ignore[index]
    else:
        theirs = drawn(timm.create_model("swin_tiny_patch4_window7_224", img_size=224))
        stages = nn.Sequential(theirs.get_submodule("patch_embed"), *theirs.get_submodule("layers")[:2])  # type: ignore[misc]
    ours, images = translated(SwinT(), theirs), torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        expected = F.layer_norm(stages(images), (192,)).permute(0, 3, 1, 2)
        torch.testing.assert_close(ours(images)[1], expected, atol=1e-4, rtol=1e-3)


def test_a_resnet_with_a_deep_stem_says_what_it_says_in_timm() -> None:
    """V1c is the one variant that both libraries have."""
    theirs = drawn(timm.create_model("resnet101c"))
    ours, images = translated(resnet_101(), theirs), torch.randn(1, 3, 64, 96)
    stem = nn.Sequential(
        *(theirs.get_submodule(name) for name in ("conv1", "bn1", "act1", "maxpool", "layer1", "layer2"))
    )
    with torch.no_grad():
        torch.testing.assert_close(ours.pyramid(images)[1], stem(images))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "reason"), [("resnet18", r"one 7x7 convolution \(V1b"), ("resnet18d", r"pools in its shortcuts \(V1d\)")]
)
def test_another_variant_of_resnet_is_refused_by_its_name(name: str, reason: str) -> None:
    """Nearly every key fits, so the rest would be called damage."""
    with torch.device("meta"):
        theirs, ours = timm.create_model(name), resnet_18()
    with pytest.raises(InvalidCheckpoint, match=rf'^"r.pth" holds a ResNet .*{reason}.* expected .*V1c'):
        translate_backbone(ours, theirs.state_dict(), "r.pth")


def test_a_published_classifier_starts_a_segmentation_network(tmp_path: Path) -> None:
    """From the file to the network: its own head stays fresh, and the classifier's is not read."""
    theirs = drawn(torchvision.models.mobilenet_v2())
    save_file(theirs.state_dict(), tmp_path / "mobilenet_v2.safetensors")
    net = build("deeplabv3plus_mv2", num_classes=3, pretrained=tmp_path / "mobilenet_v2.safetensors")
    assert torch.equal(net.state_dict()["backbone.conv1.bn.bias"], theirs.state_dict()["features.0.1.bias"])


def test_a_classifier_of_openmmlab_starts_swin_though_it_has_one_norm_of_four(tmp_path: Path) -> None:
    """An image has one class: only the last stage's map leaves through a norm there."""
    theirs = SwinT().state_dict()
    kept = {
        f"backbone.{key}": value + 1 for key, value in theirs.items() if not key.startswith(("norm0", "norm1", "norm2"))
    }
    torch.save({"meta": {}, "state_dict": {**kept, "head.fc.weight": torch.zeros(1000, 768)}}, tmp_path / "swin.pth")
    extract(str(tmp_path / "swin.pth"), str(tmp_path / "swin.safetensors"))
    state = build("upernet_swin_t", num_classes=3, pretrained=tmp_path / "swin.safetensors").state_dict()
    assert all(torch.equal(state[key], value) for key, value in kept.items())
    assert state["backbone.norm1.weight"].eq(1).all()
    assert state["backbone.norm1.bias"].eq(0).all()


@pytest.mark.parametrize("name", ["open-mmlab://resnet18_v1c", "weights/resnet18_v1c.pth"])
def test_without_a_file_the_error_says_what_to_put_where(name: str) -> None:
    """Machines that train are often offline."""
    with pytest.raises(InvalidCheckpoint, match=r"There is no file .*resnet18_v1c.* put a ResNetV1c, such as .* there"):
        build("pspnet_r18", num_classes=3, pretrained=name)


def test_a_folder_means_the_weights_inside(tmp_path: Path) -> None:
    """As the hub's repositories are laid out; safetensors unless there is only a pickle."""
    assert find_weights(str(tmp_path)) == tmp_path / "model.safetensors"
    (tmp_path / "pytorch_model.bin").touch()
    assert find_weights(str(tmp_path)) == tmp_path / "pytorch_model.bin"
