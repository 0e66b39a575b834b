"""What holds for every network in the catalog."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bpkd_core import catalog
from bpkd_core.errors import UnknownName
from bpkd_core.models import Outputs, SegmentationNet, build

EVERY = sorted(catalog.MODELS)
SMALL = ["ddrnet_23_nano", "hrnet_w18s", "isanet_r18", "pspnet_r18", "segformer_b0"]
AUXILIARY = ("auxiliary_head", "decode_head.aux")
PAPER = {  # millions of parameters with 150 classes and the auxiliary head, where there is one: HRNet has none
    "pspnet_r18": "12.816",
    "pspnet_r101": "68.07",
    "hrnet_w18s": "3.975",
    "hrnet_w48": "65.95",
    "deeplabv3plus_mv2": "15.345",
    "deeplabv3plus_r101": "62.68",
    "isanet_r18": "12.459",
    "isanet_r101": "56.80",
}


def parameters(net: SegmentationNet, *, auxiliary: bool) -> int:
    kept = (p for key, p in net.named_parameters() if auxiliary or not key.startswith(net.auxiliary))
    return sum(p.numel() for p in kept)


@pytest.mark.parametrize("name", EVERY)
def test_the_catalog_tells_the_size_cost_and_stride_of_the_code(name: str) -> None:
    """A student is chosen by these numbers before any torch is loaded; they must be those of the network built."""
    row = catalog.MODELS[name]
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as flops:
        net = build(name, num_classes=19).eval()
        logits = net(torch.empty(1, 3, 360, 480))
    assert row.params_m == pytest.approx(parameters(net, auxiliary=False) / 1e6, abs=0.005)
    assert row.gmacs == pytest.approx(flops.get_total_flops() / 2e9, abs=0.005)
    assert row.stride == net.stride
    assert logits.shape == (1, 19, 360 // net.stride, 480 // net.stride)


@pytest.mark.parametrize(("name", "millions"), PAPER.items())
def test_the_paper_pairs_have_the_published_sizes(name: str, millions: str) -> None:
    """Another parameter count would mean another network than the one whose results we stand beside."""
    with torch.device("meta"):
        net = build(name, num_classes=150)
    digits = len(millions.partition(".")[2])
    assert f"{parameters(net, auxiliary=True) / 1e6:.{digits}f}" == millions


@pytest.mark.parametrize(("name", "gmacs"), [("ddrnet_23", 143.1), ("ddrnet_23_slim", 36.3)])
def test_ddrnet_costs_what_its_paper_says_at_1024x2048(name: str, gmacs: float) -> None:
    """The published cost pins strides, widths and the pyramid, which a parameter count alone does not."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as flops:
        build(name, num_classes=19).eval()(torch.empty(1, 3, 1024, 2048))
    assert round(flops.get_total_flops() / 2e9, 1) == gmacs


@pytest.mark.parametrize("name", SMALL)
def test_eval_returns_logits_and_training_adds_the_auxiliary_heads(name: str) -> None:
    """The loss weighs auxiliaries, the exporter must not see them."""
    net, images = build(name, num_classes=5), torch.randn(2, 3, 64, 96)
    size = (2, 5, 64 // net.stride, 96 // net.stride)
    outputs = net.train()(images)
    assert isinstance(outputs, Outputs)
    assert outputs.logits.shape == size
    assert [aux.shape for aux in outputs.aux] == [size] * bool(net.auxiliary)
    logits = net.eval()(images)
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == size


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("training", [True, False])
def test_features_are_what_the_last_layer_classifies(name: str, training: bool) -> None:
    """Methods compare them between teacher and student: a map before or after it would be another method."""
    net = build(name, num_classes=5).train(training)
    (classifier,) = (
        module
        for key, module in net.named_modules()
        if isinstance(module, torch.nn.Conv2d) and module.out_channels == 5 and not key.startswith(AUXILIARY)
    )
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.eval()  # features are taken before it
    outputs = net.score(torch.randn(2, 3, 64, 96))
    assert outputs.features is not None
    assert outputs.features.shape[1] == net.feature_channels
    torch.testing.assert_close(classifier(outputs.features), outputs.logits)


@pytest.mark.parametrize("name", SMALL)
def test_one_training_step_reaches_every_parameter(name: str) -> None:
    """A parameter outside the graph would stay at its random start, in silence."""
    net = build(name, num_classes=5).train()
    outputs = net(torch.randn(2, 3, 64, 64))
    sum(logits.square().mean() for logits in (outputs.logits, *outputs.aux)).backward()
    assert [key for key, p in net.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", SMALL)
def test_a_fresh_network_is_undecided(name: str) -> None:
    """Training from scratch must start near the loss of a uniform guess, log C, not at a random conviction."""
    torch.manual_seed(0)
    net = build(name, num_classes=5).train()
    shares = net(torch.randn(4, 3, 64, 64)).logits.softmax(1)
    assert (shares - 1 / 5).abs().max() < 0.2


@pytest.mark.parametrize("name", ["ddrnet_23_nano", "hrnet_w18s", "isanet_r18", "pspnet_r18"])
@pytest.mark.parametrize("size", [(8, 8), (24, 40), (65, 33), (1, 7)])
@pytest.mark.parametrize("training", [True, False])
def test_any_size_gives_logits_rounded_up(name: str, size: tuple[int, int], training: bool) -> None:
    """Crops and served images have any size; one image alone must train, too, when memory allows no more."""
    net = build(name, num_classes=3).train(training)
    out = net(torch.randn(1, 3, *size))
    logits = out.logits if training else out
    assert logits.shape == (1, 3, -(-size[0] // net.stride), -(-size[1] // net.stride))
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", SMALL)
def test_images_of_a_batch_do_not_influence_each_other_in_eval_mode(name: str) -> None:
    """A served mask must not depend on who else asked in the same batch."""
    torch.manual_seed(0)
    net, images = build(name, num_classes=3).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(images)[:1], net(images[:1]))


@pytest.mark.parametrize("name", SMALL)
def test_channels_last_gives_the_same_logits(name: str) -> None:
    """It is the faster layout; in-place steps on a shared buffer would show here."""
    torch.manual_seed(0)
    net, images = build(name, num_classes=3).eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        plain = net(images)
        fast = net.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(fast, plain, atol=1e-5, rtol=1e-4)


def test_an_unknown_network_names_the_nearest() -> None:
    """A typing slip should cost one reading, not a search."""
    with pytest.raises(UnknownName, match='Did you mean "pspnet_r18"'):
        build("pspnet_r81", num_classes=3)


def test_importing_the_networks_loads_no_transformers() -> None:
    """Its import takes seconds, which a convolutional student need not wait for."""
    code = "import bpkd_core.models, sys; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
