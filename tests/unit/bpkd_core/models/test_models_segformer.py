"""SegFormer's two heads and the names under which its weights are found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from references.openmmlab import GOLDEN, NUM_CLASSES, image, shapes_of, weights
from safetensors.torch import load_file
from torch import Tensor
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.utils.logging import disable_progress_bar

from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.checkpoints import load_backbone
from bpkd_core.models.segformer import AllMLPHead

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def theirs() -> SegformerForSemanticSegmentation:
    """The hub library's SegFormer-B0 with drawn weights."""
    config = SegformerConfig(hidden_sizes=[32, 64, 160, 256], decoder_hidden_size=256, num_labels=5)
    network = SegformerForSemanticSegmentation(config).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        deviation = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.5
        torch.nn.init.normal_(parameter, std=deviation, generator=generator)
    return network


def in_files(network: SegformerForSemanticSegmentation, folder: Path) -> Weights:
    disable_progress_bar()
    network.save_pretrained(folder)
    return load_file(folder / "model.safetensors")


def in_memory(network: SegformerForSemanticSegmentation, folder: Path) -> Weights:
    return network.state_dict()


@pytest.mark.parametrize("names", [in_files, in_memory])
def test_weights_of_the_hub_give_its_logits(
    names: Callable[[SegformerForSemanticSegmentation, Path], Weights],
    theirs: SegformerForSemanticSegmentation,
    tmp_path: Path,
) -> None:
    """Most SegFormer weights are found there; its library renamed the keys in memory and kept those in the files."""
    net = build("segformer_b0", num_classes=5).eval()
    net.load_state_dict(dict(net.translate_keys(names(theirs, tmp_path))), strict=True)
    with torch.inference_mode():
        logits = theirs(image((65, 97))).logits
        assert logits.std() > 0.1, "of weights that say something"
        torch.testing.assert_close(net(image((65, 97))), logits, atol=1e-4, rtol=0)


def test_an_encoder_alone_is_renamed_too(theirs: SegformerForSemanticSegmentation) -> None:
    """ImageNet weights of the hub come without the prefix."""
    net = build("segformer_b0", num_classes=5)
    renamed = net.translate_keys(theirs.segformer.state_dict())
    assert renamed.keys() == net.backbone.state_dict().keys()


def test_our_own_names_stay_as_they_are() -> None:
    """A checkpoint of a student goes through the same door as a stranger's."""
    net = build("segformer_b0", num_classes=5)
    own = net.state_dict()
    translated = net.translate_keys(own)
    assert translated.keys() == own.keys()
    assert all(translated[key] is value for key, value in own.items())


def test_half_a_projection_is_left_for_the_strict_comparison_to_name(theirs: SegformerForSemanticSegmentation) -> None:
    """A damaged file must not be mended by a guess."""
    damaged = dict(theirs.state_dict())
    del damaged["segformer.stages.0.blocks.0.attention.k_proj.weight"]
    net = build("segformer_b0", num_classes=5)
    missing = net.state_dict().keys() - net.translate_keys(damaged).keys()
    assert missing == {"backbone.layers.0.1.0.attn.attn.in_proj_weight"}


def test_a_checkpoint_of_openmmlab_brings_its_head(tmp_path: Path) -> None:
    """Its stages have a batch norm and a ReLU that the paper's have not, and 256 channels where B2's head has 768."""
    with np.load(GOLDEN / "segformer_b2.npz") as golden:
        drawn = weights(shapes_of(golden["keys"].tobytes().decode()))
    torch.save({"meta": {"epoch": 1}, "state_dict": drawn}, tmp_path / "iter_160000.pth")
    net = build("segformer_b2", num_classes=NUM_CLASSES).eval()
    assert net.feature_channels == 768
    load_checkpoint(net, tmp_path / "iter_160000.pth")
    assert all(torch.equal(value, drawn[key]) for key, value in net.state_dict().items())
    assert not net.decode_head.training
    assert net.feature_channels == 256
    assert net.train()(torch.randn(2, 3, 64, 64)).features.shape == (2, 256, 16, 16)


def test_a_backbone_of_openmmlab_leaves_the_head(tmp_path: Path) -> None:
    """A student that starts from a backbone keeps the paper's head, whatever the backbone was trained under."""
    with np.load(GOLDEN / "segformer_b0.npz") as golden:
        drawn = weights(shapes_of(golden["keys"].tobytes().decode()))
    torch.save({"state_dict": drawn}, tmp_path / "segformer.pth")
    net = build("segformer_b0", num_classes=7)
    head = net.decode_head
    load_backbone(net, tmp_path / "segformer.pth")
    assert net.decode_head is head
    assert all(torch.equal(value, drawn[f"backbone.{key}"]) for key, value in net.backbone.state_dict().items())


def test_fresh_heads_differ_in_their_norms_alone() -> None:
    """One class is both heads."""
    plain, normed = (AllMLPHead((8, 16, 24, 32), 12, 3, normed=normed).state_dict() for normed in (False, True))
    assert "convs.0.bias" in plain
    assert "convs.0.bn.running_mean" in normed
    assert {key for key in plain if not key.startswith("convs")} == {k for k in normed if not k.startswith("convs")}
