"""A network that looks at reduced images is a network like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fakes.specks import SpeckNet
from fakes.tiny import named, tiny_net
from safetensors.torch import save_file

from bpkd_core.export import check_parity, export_onnx
from bpkd_core.models.base import Downscaled, downscaled
from bpkd_core.models.checkpoints import load_backbone, load_checkpoint


def speck() -> SpeckNet:
    torch.manual_seed(0)
    return SpeckNet(num_classes=3, width=8)


@pytest.mark.parametrize("factor", [2, 4])
def test_it_says_what_the_network_says_of_means_over_squares(factor: int) -> None:
    """The reduction is part of the served file, so it must be exactly this one, with the stride that follows."""
    net, images = speck().eval(), torch.randn(2, 3, 64, 96)
    means = images.view(2, 3, 64 // factor, factor, 96 // factor, factor).mean((3, 5))
    reduced = downscaled(net, factor).eval()
    torch.testing.assert_close(reduced(images), net(means))
    assert (reduced.stride, reduced.num_classes) == (4 * factor, 3)


def test_a_factor_of_one_is_the_network_itself() -> None:
    """Nothing is wrapped that need not be."""
    net = speck()
    assert downscaled(net, 1) is net


def test_training_gives_the_auxiliary_heads_too() -> None:
    """And switching the mode reaches the network inside."""
    reduced = downscaled(speck(), 2)
    outputs = reduced.train()(torch.randn(1, 3, 64, 96))
    assert [tuple(aux.shape) for aux in outputs.aux] == [(1, 3, 16, 24)]
    assert isinstance(reduced.eval()(torch.randn(1, 3, 64, 96)), torch.Tensor)


def test_its_keys_tell_backbone_and_auxiliary_heads_apart() -> None:
    """Parameter counts and checkpoints go by these prefixes."""
    reduced = downscaled(speck(), 2)
    assert isinstance(reduced, Downscaled)
    assert (reduced.backbone_prefix, reduced.auxiliary) == ("net.backbone.", ("net.aux_head.",))
    keys = reduced.state_dict().keys()
    assert any(key.startswith(reduced.backbone_prefix) for key in keys)
    assert any(key.startswith(reduced.auxiliary) for key in keys)


def test_it_loads_a_file_without_auxiliary_heads_and_a_backbone(tmp_path: Path) -> None:
    """As the network inside does."""
    source, reduced = downscaled(speck(), 2), downscaled(SpeckNet(num_classes=3, width=8), 2)
    assert isinstance(reduced, Downscaled)
    weights = {key: value for key, value in source.state_dict().items() if not key.startswith(source.auxiliary)}
    save_file(weights, tmp_path / "served.safetensors")
    load_checkpoint(reduced, tmp_path / "served.safetensors")
    assert all(torch.equal(value, reduced.state_dict()[key]) for key, value in weights.items())
    other = downscaled(SpeckNet(num_classes=5, width=8), 2)
    load_backbone(other, tmp_path / "served.safetensors")
    backbone = [key for key in weights if key.startswith("net.backbone.")]
    assert backbone
    assert all(torch.equal(weights[key], other.state_dict()[key]) for key in backbone)


def test_its_exported_file_takes_images_of_full_size(tmp_path: Path) -> None:
    """Sizes that neither the factor nor the stride divides: the file pads, reduces, scores and comes back."""
    reduced = downscaled(tiny_net(), 2).eval()
    export_onnx(reduced, tmp_path / "reduced.onnx", classes=named(5))
    parity = check_parity(reduced, tmp_path / "reduced.onnx")
    parity.raise_if_bad()
    assert {case.hw for case in parity.cases} >= {(97, 131), (225, 304)}
