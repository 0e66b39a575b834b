"""Networks of the transformers library, from tiny random folders that the tests write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from fakes.tiny import named
from torch import nn
from transformers import (
    AutoModelForSemanticSegmentation,
    BeitConfig,
    ConvNextConfig,
    DPTConfig,
    MobileNetV2Config,
    MobileViTConfig,
    PretrainedConfig,
    SegformerConfig,
    UperNetConfig,
)

from bpkd_core.data.transforms import MEAN, STD
from bpkd_core.errors import InvalidCheckpoint, InvalidInput
from bpkd_core.export import check_parity, export_onnx
from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.base import Outputs
from bpkd_core.models.observed import watch

STAGES = ["stage1", "stage2", "stage3", "stage4"]
SMALL = {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
CONFIGS: dict[str, tuple[PretrainedConfig, int]] = {
    "segformer": (SegformerConfig(**SMALL, num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16), 4),
    "upernet": (
        UperNetConfig(
            backbone_config=ConvNextConfig(**SMALL, out_features=STAGES),
            hidden_size=16,
            auxiliary_in_channels=16,
            auxiliary_channels=8,
        ),
        4,
    ),
    "beit": (
        BeitConfig(
            image_size=64,
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=16,
            out_indices=[1, 2, 3, 4],
            auxiliary_channels=8,
        ),
        4,
    ),
    "mobilenet_v2": (MobileNetV2Config(depth_multiplier=0.35, output_stride=8), 8),
    "mobilevit": (
        MobileViTConfig(
            hidden_sizes=[8, 8, 8],
            neck_hidden_sizes=[4, 8, 8, 8, 8, 8, 16],
            num_attention_heads=2,
            aspp_out_channels=8,
            output_stride=16,
        ),
        16,
    ),
}
CLASSES = 3


def written(folder: Path, kind: str = "segformer", *, weights: bool = True, pixels: object = None) -> Path:
    config, _ = CONFIGS[kind]
    config.num_labels = CLASSES
    config.save_pretrained(folder)
    if weights:
        torch.manual_seed(1)
        AutoModelForSemanticSegmentation.from_config(config).save_pretrained(folder)
    if pixels is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return folder


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_kind_gives_logits_features_and_auxiliaries(kind: str, tmp_path: Path) -> None:
    """One wrapper for all of them: it watches the classifier and measures the stride."""
    net = build(f"hf:{written(tmp_path, kind, weights=False)}", num_classes=CLASSES)
    assert net.stride == CONFIGS[kind][1]
    size = (64 // net.stride, 128 // net.stride)
    outputs = net.train()(torch.randn(2, 3, 64, 128))
    assert isinstance(outputs, Outputs)
    assert outputs.logits.shape == (2, CLASSES, *size)
    assert outputs.features is not None
    assert outputs.features.shape == (2, net.feature_channels, *size)
    assert len(outputs.aux) == len(net.auxiliary) == (kind in ("upernet", "beit"))
    assert net.eval()(torch.randn(1, 3, 96, 64)).shape[:2] == (1, CLASSES)
    assert any(key.startswith(net.backbone_prefix) for key in net.state_dict())


def test_weights_of_the_folder_are_kept(tmp_path: Path) -> None:
    """The logits are those of the library, before its own enlarging."""
    folder = written(tmp_path)
    net = build(f"hf:{folder}", num_classes=CLASSES).eval()
    theirs = AutoModelForSemanticSegmentation.from_pretrained(folder).eval()
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(net(images), theirs(pixel_values=images).logits)


def test_other_classes_get_a_new_head_on_the_same_backbone(tmp_path: Path) -> None:
    """A network trained on ADE20K becomes a student or teacher of another dataset."""
    folder = written(tmp_path)
    same, other = (build(f"hf:{folder}", num_classes=classes).state_dict() for classes in (CLASSES, 7))
    assert other["network.decode_head.classifier.weight"].shape[0] == 7
    assert all(torch.equal(same[key], other[key]) for key in same if "classifier" not in key)


def test_a_fresh_network_is_a_function_of_the_seed(tmp_path: Path) -> None:
    """Control and student must start from the same weights."""
    folder = written(tmp_path, weights=False)
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build(f"hf:{folder}", num_classes=CLASSES).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_pickled_weights_are_opened_as_a_strangers(tmp_path: Path) -> None:
    """Older folders have nothing else; the library would unpickle them in this process."""
    plain = build(f"hf:{written(tmp_path)}", num_classes=CLASSES)
    (tmp_path / "model.safetensors").unlink()
    weights = {key.removeprefix("network."): value for key, value in plain.state_dict().items()}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    again = build(f"hf:{tmp_path}", num_classes=CLASSES)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in plain.state_dict().items())
    torch.save([weights], tmp_path / "pytorch_model.bin")
    with pytest.raises(InvalidCheckpoint, match="holds a list"):
        build(f"hf:{tmp_path}", num_classes=CLASSES)


def test_weights_that_leave_the_backbone_random_are_refused(tmp_path: Path) -> None:
    """The library only warns of it, among other warnings."""
    written(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"decode_head.classifier.bias": torch.zeros(CLASSES)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InvalidCheckpoint, match=r"lack \d+ keys that its config.json asks for \(segformer\."):
        build(f"hf:{tmp_path}", num_classes=CLASSES)


PIXELS = {
    "its own mean and deviation": ({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}, lambda x: (x - 0.5) / 0.25),
    "plain pixels in the other order": ({"do_flip_channel_order": True}, lambda x: x.flip(1)),
    "switched off": ({"do_normalize": False, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}, lambda x: x),
}


@pytest.mark.parametrize("kind", PIXELS)
def test_it_sees_the_pixels_that_it_was_trained_on(kind: str, tmp_path: Path) -> None:
    """Every network here is given ImageNet's normalisation; a wrong mean costs points and raises nothing."""
    pixels, prepare = PIXELS[kind]
    folder = written(tmp_path, pixels=pixels)
    net = build(f"hf:{folder}", num_classes=CLASSES).eval()
    theirs = AutoModelForSemanticSegmentation.from_pretrained(folder).eval()
    images = torch.rand(2, 3, 64, 96)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        expected = theirs(pixel_values=prepare(images)).logits
        torch.testing.assert_close(net((images - mean) / std), expected, atol=1e-5, rtol=1e-4)


def test_a_trained_network_is_loaded_again_and_exported(tmp_path: Path) -> None:
    """What a run writes and reads: a state dict under the wrapper's keys, and one ONNX file for all sizes."""
    folder = written(tmp_path)
    net = build(f"hf:{folder}", num_classes=CLASSES).eval()
    nn.init.normal_(net.get_submodule("network.decode_head.classifier").weight)
    torch.save(net.state_dict(), tmp_path / "student.pth")
    again = build(f"hf:{folder}", num_classes=CLASSES).eval()
    load_checkpoint(again, tmp_path / "student.pth")
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in net.state_dict().items())
    export_onnx(again, tmp_path / "student.onnx", classes=named(CLASSES))
    check_parity(again, tmp_path / "student.onnx", sizes=((97, 131),), batches=(1,)).raise_if_bad()


def test_features_are_taken_before_a_dropout() -> None:
    """Half of them zeroed at random is not what a teacher should be compared with."""
    net = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Dropout(0.5), nn.Conv2d(4, 2, 1)).train()
    images = torch.randn(1, 1, 8, 8)
    seen: list[torch.Tensor] = []
    ((features, logits),) = watch(net, [net[2]], lambda: seen.append(net(images)))
    assert logits is seen[0]
    torch.testing.assert_close(features, net[0](images))
    assert not any(module._forward_hooks for module in net)


def test_a_network_of_one_size_is_refused(tmp_path: Path) -> None:
    """Served images have any size; this one would fail at the first."""
    config = DPTConfig(
        image_size=64,
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
    )
    config.save_pretrained(tmp_path)
    with pytest.raises(InvalidInput, match=r"DPTForSemanticSegmentation cannot look at an image of 64x96 \("):
        build(f"hf:{tmp_path}", num_classes=CLASSES)


def test_a_folder_of_another_task_is_refused(tmp_path: Path) -> None:
    """The sentence says what would be one."""
    ConvNextConfig(**SMALL).save_pretrained(tmp_path)
    with pytest.raises(InvalidInput, match="holds no segmentation network of the transformers library"):
        build(f"hf:{tmp_path}", num_classes=CLASSES)


@pytest.mark.parametrize("name", ["/no/such/folder", "nobody/nothing-at-all"])
def test_a_network_that_is_nowhere_says_which_folder_to_put_where(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines that train are often offline."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InvalidInput, match=r"is no folder, .*: /path/to/folder\.$"):
        build(f"hf:{name}", num_classes=CLASSES)
