"""Reading weights: what is understood, and what is refused with which sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.models import SegmentationNet, build, load_checkpoint

NAME, CLASSES = "ddrnet_23_nano", 3
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def weights() -> Weights:
    torch.manual_seed(1)
    return build(NAME, num_classes=CLASSES).state_dict()


@pytest.fixture
def net() -> SegmentationNet:
    torch.manual_seed(2)
    return build(NAME, num_classes=CLASSES)


def saved(folder: Path, content: Any) -> Path:
    path = folder / "net.pth"
    torch.save(content, path)
    return path


def same(net: SegmentationNet, weights: Weights) -> bool:
    return all(torch.equal(value, weights[key]) for key, value in net.state_dict().items())


def prefixed(prefix: str) -> Callable[[Weights], Any]:
    return lambda weights: {prefix + key: value for key, value in weights.items()}


WRAPPINGS: dict[str, Callable[[Weights], Any]] = {
    "bare": lambda weights: weights,
    "state_dict and meta": lambda weights: {"meta": {"epoch": 3}, "state_dict": weights},
    "model and optimizer": lambda weights: {"model": weights, "optimizer": {"state": {}}},
    "our own training checkpoint": lambda weights: {"net": weights, "progress": {"step": 7}},
    "data parallel": prefixed("module."),
    "razor": lambda weights: {"state_dict": prefixed("architecture.model.")(weights)},
    "lightning": lambda weights: {"state_dict": prefixed("model.")(weights)},
    "several at once": lambda weights: {"state_dict": prefixed("module.student.model.")(weights)},
    "student beside teacher": lambda weights: {
        **prefixed("student.")(weights),
        "teacher.backbone.stem.0.conv.weight": torch.zeros(3),
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
        '"net.pth" does not fit this DDRNet with 3 classes: keys '
        "6 missing (backbone.stem.0.conv.weight, backbone.stem.0.bn.weight, backbone.stem.0.bn.bias, ...); "
        "6 unknown (backbone.entry.conv.weight, backbone.entry.bn.weight, backbone.entry.bn.bias, ...)."
    )


def test_another_number_of_classes_is_told_by_its_shapes(
    net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """The commonest mistake: a Cityscapes teacher for a dataset with other classes."""
    other = build(NAME, num_classes=19).state_dict()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    with pytest.raises(InvalidCheckpoint, match=r"conv_seg.weight is 19x32x1x1 and should be 3x32x1x1") as caught:
        load_checkpoint(net, saved(tmp_path, other))
    assert "number of classes" in str(caught.value.hint)
    assert same(net, before), "a refused file must leave the network alone"


def test_an_entry_that_is_no_tensor_is_refused(net: SegmentationNet, weights: Weights, tmp_path: Path) -> None:
    """A bare dictionary may hold anything that is allowed to be unpickled."""
    with pytest.raises(InvalidCheckpoint, match=r"conv_seg.bias is str and should be 3"):
        load_checkpoint(net, saved(tmp_path, {**weights, "decode_head.conv_seg.bias": "none"}))


class Payload:
    """Stands for any object that a pickle could build, and run code with."""


def test_a_file_that_pickles_objects_is_refused_by_their_name(
    net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """Reading a stranger's checkpoint must not be a way to run the stranger's code."""
    with pytest.raises(InvalidCheckpoint, match=r"pickles .*Payload.*can run code"):
        load_checkpoint(net, saved(tmp_path, {"state_dict": weights, "hook": Payload()}))


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("net.pth", lambda content: b""),
    "cut in half": ("net.pth", lambda content: content[: len(content) // 2]),
    "an error page": ("net.pth", lambda content: b"<html>404 Not Found</html>"),
    "other bytes": ("net.pth", lambda content: b"junkjunk" * 10),
    "safetensors in name only": ("net.safetensors", lambda content: content),
}


@pytest.mark.parametrize(("name", "damage"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_one_sentence(
    name: str, damage: Callable[[bytes], bytes], net: SegmentationNet, weights: Weights, tmp_path: Path
) -> None:
    """Torch fails on these with KeyError, EOFError or a page about miniz."""
    content = damage(saved(tmp_path, weights).read_bytes())
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidCheckpoint, match=rf'^"{name}" \({len(content)} bytes\) is damaged or holds no weights'):
        load_checkpoint(net, path)


def test_a_file_that_is_not_there_is_named_whole(net: SegmentationNet, tmp_path: Path) -> None:
    """The path as given is what the caller can look at."""
    with pytest.raises(InvalidCheckpoint, match=f'There is no file "{tmp_path / "no.pth"}"'):
        load_checkpoint(net, tmp_path / "no.pth")


@pytest.mark.parametrize("content", [[1, 2], torch.zeros(3)], ids=["list", "tensor"])
def test_a_file_of_something_else_says_what_it_holds(content: Any, net: SegmentationNet, tmp_path: Path) -> None:
    """torch.save writes anything."""
    with pytest.raises(InvalidCheckpoint, match=f"holds a {type(content).__name__}"):
        load_checkpoint(net, saved(tmp_path, content))


def test_a_dictionary_within_itself_ends(net: SegmentationNet, tmp_path: Path) -> None:
    """Pickles can be cyclic; peeling must not follow them for ever."""
    content: dict[Any, Any] = {7: torch.zeros(1)}
    content["model"] = content
    with pytest.raises(InvalidCheckpoint, match="missing"):
        load_checkpoint(net, saved(tmp_path, content))


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


def test_pretrained_refuses_a_backbone_that_is_not_whole(weights: Weights, tmp_path: Path) -> None:
    """Half a pretrained backbone trains, badly, and nobody sees why."""
    part = {key: value for key, value in weights.items() if "spp" not in key}
    with pytest.raises(InvalidCheckpoint, match=r"does not fit the backbone of this DDRNet .* missing \(spp"):
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
