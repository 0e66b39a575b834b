"""Loading weights: what is understood, and what does not fit with which sentence.

Files are opened in a child process, which starts in seconds (tests/unit/.../test_models_reading.py); here they are
opened by the child's own function, in this process.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models import SegmentationNet, build, load_checkpoint
from bpkd_core.models.checkpoints.fitting import require_fit
from bpkd_core.models.checkpoints.opening import extract

NAME, CLASSES = "ddrnet_23_nano", 3
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def weights() -> Weights:
    torch.manual_seed(1)
    return build(NAME, num_classes=CLASSES).state_dict()


@pytest.fixture(scope="module")
def fresh() -> SegmentationNet:
    torch.manual_seed(2)
    return build(NAME, num_classes=CLASSES)


@pytest.fixture
def net(fresh: SegmentationNet) -> SegmentationNet:
    return copy.deepcopy(fresh)


def saved(folder: Path, content: Any) -> Path:
    """What `torch.save` wrote, opened as the child opens it."""
    torch.save(content, folder / "net.pth")
    extract(str(folder / "net.pth"), str(folder / "net.safetensors"))
    return folder / "net.safetensors"


def same(net: SegmentationNet, weights: Weights) -> bool:
    return all(torch.equal(value, weights[key]) for key, value in net.state_dict().items())


def prefixed(prefix: str) -> Callable[[Weights], Any]:
    return lambda weights: {prefix + key: value for key, value in weights.items()}


def beside(prefix: str, other: str) -> Callable[[Weights], Any]:
    return lambda weights: {**prefixed(prefix)(weights), other: torch.zeros(3)}


WRAPPINGS: dict[str, Callable[[Weights], Any]] = {
    "bare": lambda weights: weights,
    "state_dict and meta": lambda weights: {"meta": {"epoch": 3}, "state_dict": weights},
    "model and optimizer": lambda weights: {"model": weights, "optimizer": {"state": {}}},
    "our own training checkpoint": lambda weights: {"net": weights, "progress": {"step": 7}},
    "an envelope in an envelope": lambda weights: {"model": {"state_dict": weights}, "epoch": 3},
    "data parallel": prefixed("module."),
    "deepspeed": lambda weights: {"module": weights, "optimizer": None, "ds_version": "0.14"},
    "compiled": prefixed("_orig_mod."),
    "razor": lambda weights: {"state_dict": prefixed("architecture.model.")(weights)},
    "newer razor": lambda weights: {"state_dict": beside("architecture.", "teacher.conv_seg.bias")(weights)},
    "lightning": lambda weights: {"state_dict": prefixed("model.")(weights), "pytorch-lightning_version": "2.5"},
    "lightning's net": lambda weights: {"state_dict": prefixed("net.")(weights), "callbacks": {}},
    "several at once": lambda weights: {"state_dict": prefixed("module.student.model.")(weights)},
    "student beside teacher": beside("student.", "teacher.backbone.stem.0.conv.weight"),
    "an average alone": lambda weights: {"ema_state_dict": beside("module.", "steps")(weights)},
    "torch's average": beside("module.", "n_averaged"),
    "an average with a prefix": prefixed("ema_model.module."),
    "copies of OpenMMLab's averaging": lambda weights: {
        "state_dict": {**weights, **{"ema_" + key.replace(".", "_"): value + 1 for key, value in weights.items()}}
    },
    "weights and an average": lambda weights: {
        "state_dict": weights,
        "ema_state_dict": {"module." + key: value + 1 for key, value in weights.items()},
    },
}


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS.keys())
def test_what_frameworks_wrap_around_the_weights_is_peeled_off(
    wrap: Callable[[Weights], Any], net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """These are the layouts seen in the wild; renaming keys by hand is where users give up."""
    load_checkpoint(net, saved(tmp_path, wrap(weights)))
    assert same(net, weights)


def test_safetensors_are_read(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """The format that cannot carry code."""
    save_file(weights, tmp_path / "net.safetensors")
    load_checkpoint(net, tmp_path / "net.safetensors")
    assert same(net, weights)


def test_a_file_without_the_auxiliary_head_loads(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """Files saved for inference go without it, and a teacher never uses it."""
    kept = {key: value for key, value in weights.items() if not key.startswith(net.auxiliary)}
    assert len(kept) < len(weights)
    load_checkpoint(net, saved(tmp_path, kept))
    assert all(torch.equal(net.state_dict()[key], value) for key, value in kept.items())


def test_half_an_auxiliary_head_is_refused(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """Leaving the head out is a decision, leaving out one tensor of it is damage."""
    kept = {key: value for key, value in weights.items() if key != "decode_head.aux_cls_seg.bias"}
    with pytest.raises(InvalidCheckpoint, match=r"1 missing \(decode_head.aux_cls_seg.bias\)"):
        load_checkpoint(net, saved(tmp_path, kept))


def test_missing_and_unknown_keys_are_counted_and_the_first_few_named(
    net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """Strict loading is what makes a silently random teacher impossible."""
    renamed = {key.replace("stem.0", "entry"): value for key, value in weights.items()}
    with pytest.raises(InvalidCheckpoint) as caught:
        load_checkpoint(net, saved(tmp_path, renamed))
    assert caught.value.message == (
        '"net.safetensors" does not fit this DDRNet with 3 classes: keys '
        "5 missing (backbone.stem.0.conv.weight, backbone.stem.0.bn.weight, backbone.stem.0.bn.bias, ...); "
        "6 unknown (backbone.entry.bn.bias, backbone.entry.bn.num_batches_tracked, "
        "backbone.entry.bn.running_mean, ...)."
    )


def test_another_number_of_classes_is_told_by_its_shapes(
    net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """The commonest mistake: a Cityscapes teacher for a dataset with other classes."""
    other = build(NAME, num_classes=19).state_dict()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(InvalidCheckpoint, match=r"conv_seg.weight is 19x32x1x1 and should be 3x32x1x1") as caught:
        load_checkpoint(net, saved(tmp_path, other))
    assert caught.value.hint == 'The file fits the network "ddrnet_23_nano" with 19 classes.'
    assert same(net, before), "a refused file must leave the network alone"


def test_weights_of_another_network_are_told_by_its_name(net: SegmentationNet, tmp_path: Path) -> None:
    """Whoever downloads checkpoints has several, and their names say little."""
    other = {f"module.{key}": value for key, value in build("swiftnet_r18_nano", num_classes=4).state_dict().items()}
    with pytest.raises(InvalidCheckpoint, match="does not fit this DDRNet") as caught:
        load_checkpoint(net, saved(tmp_path, other))
    assert caught.value.hint == 'The file fits the network "swiftnet_r18_nano" with 4 classes.'


def test_weights_of_no_network_of_ours_ask_for_its_name(net: SegmentationNet, tmp_path: Path) -> None:
    """A wrong guess would be worse than none."""
    with pytest.raises(InvalidCheckpoint) as caught:
        load_checkpoint(net, saved(tmp_path, {"fc.weight": torch.zeros(1000, 1400)}))
    assert caught.value.hint == "Name the architecture and the number of classes that the checkpoint was trained with."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(
    value: float, net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """A diverged teacher would make every loss NaN, hours later and elsewhere."""
    broken = weights["decode_head.conv_seg.weight"].clone()
    broken[1, 2] = value
    with pytest.raises(InvalidCheckpoint, match=r"keys 1 not finite \(decode_head\.conv_seg\.weight\)") as caught:
        load_checkpoint(net, saved(tmp_path, {**weights, "decode_head.conv_seg.weight": broken}))
    assert caught.value.hint == "Take an earlier one: this training diverged."


def test_quantised_weights_are_refused(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """Integers without their scales would load without a word, and be another network."""
    rounded = (weights["decode_head.conv_seg.weight"] * 127).to(torch.int8)
    with pytest.raises(InvalidCheckpoint, match=r"keys 1 of whole numbers \(decode_head\.conv_seg\.weight\)"):
        load_checkpoint(net, saved(tmp_path, {**weights, "decode_head.conv_seg.weight": rounded}))


def test_counters_may_be_absent(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """Files from before torch 0.4 and converted ones count no batches, and nothing was learnt into the count."""
    kept = {key: value for key, value in weights.items() if not key.endswith("num_batches_tracked")}
    assert len(kept) < len(weights)
    load_checkpoint(net, saved(tmp_path, kept))
    assert all(torch.equal(net.state_dict()[key], value) for key, value in kept.items())


def test_half_precision_is_read(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """Published files are often halved; the network stays as it was built."""
    load_checkpoint(net, saved(tmp_path, {key: value.half() for key, value in weights.items()}))
    key = "decode_head.conv_seg.weight"
    assert net.state_dict()[key].dtype == torch.float32
    torch.testing.assert_close(net.state_dict()[key], weights[key].half().float())


def test_an_entry_that_is_no_tensor_is_refused(weights: Weights) -> None:
    """A bare dictionary may hold anything that is allowed to be unpickled."""
    others = {"decode_head.conv_seg.bias": "str"}
    kept = {key: value for key, value in weights.items() if key not in others}
    with pytest.raises(InvalidCheckpoint, match=r"^Odd: keys 1 no tensor \(decode_head\.conv_seg\.bias is str\)\.$"):
        require_fit("Odd", weights, kept, others)


def test_pretrained_takes_the_backbone_of_a_network_with_other_classes(weights: Weights, tmp_path: Path) -> None:
    """Features transfer between datasets, heads do not."""
    path = saved(tmp_path, {"state_dict": weights})
    net = build(NAME, num_classes=19, pretrained=path)
    assert all(torch.equal(v, weights[k]) for k, v in net.state_dict().items() if k.startswith("backbone."))


def test_pretrained_takes_a_classifier_with_bare_keys(weights: Weights, tmp_path: Path) -> None:
    """ImageNet files name the backbone's layers without a prefix and end in a classifier that we have no use for."""
    bare = {key.removeprefix("backbone."): v for key, v in weights.items() if key.startswith("backbone.")}
    net = build(NAME, num_classes=CLASSES, pretrained=saved(tmp_path, {**bare, "fc.weight": torch.zeros(1000, 8)}))
    assert all(torch.equal(net.state_dict()["backbone." + key], value) for key, value in bare.items())


def test_pretrained_takes_a_backbone_with_its_prefix_beside_a_classifier(weights: Weights, tmp_path: Path) -> None:
    """OpenMMLab's classifiers name their layers `backbone.` and `head.`, perhaps inside a wrapper."""
    found = {key: v for key, v in weights.items() if key.startswith("backbone.")}
    wrapped = {"state_dict": {"module." + key: v for key, v in {**found, "head.fc.bias": torch.zeros(9)}.items()}}
    net = build(NAME, num_classes=CLASSES, pretrained=saved(tmp_path, wrapped))
    assert all(torch.equal(net.state_dict()[key], value) for key, value in found.items())


def test_pretrained_refuses_a_backbone_that_is_not_whole(weights: Weights, tmp_path: Path) -> None:
    """Half a pretrained backbone trains, badly, and nobody sees why."""
    part = {key: value for key, value in weights.items() if "spp" not in key}
    with pytest.raises(InvalidCheckpoint, match=r"does not fit the backbone of this DDRNet .* missing \(backbone\.spp"):
        build(NAME, num_classes=CLASSES, pretrained=saved(tmp_path, part))


OPENMMLAB = {
    "pspnet_r18": {
        "backbone.stem.0.weight",
        "backbone.stem.7.running_var",
        "backbone.layer1.0.conv1.weight",
        "backbone.layer2.0.downsample.0.weight",
        "backbone.layer4.1.bn2.num_batches_tracked",
        "decode_head.conv_seg.bias",
        "decode_head.psp_modules.0.1.conv.weight",
        "decode_head.psp_modules.3.1.bn.weight",
        "decode_head.bottleneck.conv.weight",
        "auxiliary_head.convs.0.conv.weight",
        "auxiliary_head.convs.0.bn.running_mean",
        "auxiliary_head.conv_seg.weight",
    },
    "ddrnet_23_slim": {
        "backbone.stem.1.conv.weight",
        "backbone.stem.4.0.downsample.1.weight",
        "backbone.context_branch_layers.2.0.conv3.bn.bias",
        "backbone.spatial_branch_layers.0.1.conv2.conv.weight",
        "backbone.compression_2.bn.weight",
        "backbone.down_2.1.conv.weight",
        "backbone.spp.scales.0.conv.weight",
        "backbone.spp.scales.4.1.bn.running_mean",
        "backbone.spp.processes.3.conv.weight",
        "backbone.spp.shortcut.bn.weight",
        "decode_head.head.0.conv.weight",
        "decode_head.head.1.weight",
        "decode_head.conv_seg.weight",
        "decode_head.aux_head.0.bn.weight",
        "decode_head.aux_cls_seg.bias",
    },
}


@pytest.mark.parametrize("name", OPENMMLAB)
def test_keys_are_those_of_openmmlab(name: str) -> None:
    """MMSegmentation checkpoints load strictly only while every one of these names stands."""
    assert OPENMMLAB[name] <= build(name, num_classes=CLASSES).state_dict().keys()
