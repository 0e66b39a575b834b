"""A served file, run, and every file that must not be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from fakes.networks import threshold_onnx
from onnx import TensorProto, helper

from bpkd_core.errors import InvalidImage, InvalidModel, ProviderRefused
from bpkd_core.infer import Session

Edit = Callable[[onnx.ModelProto], object]


def edited(edit: Edit) -> bytes:
    """The good file with one thing changed."""
    model = onnx.load_from_string(threshold_onnx())
    edit(model)
    return model.SerializeToString()


def property_set(key: str, value: str) -> Edit:
    """Overwrite one metadata entry."""

    def edit(model: onnx.ModelProto) -> None:
        (entry,) = (each for each in model.metadata_props if each.key == key)
        entry.value = value

    return edit


def renamed(old: str, new: str) -> Edit:
    """Another name for a value, everywhere."""

    def edit(model: onnx.ModelProto) -> None:
        for value in (*model.graph.input, *model.graph.output):
            value.name = new if value.name == old else value.name
        for node in model.graph.node:
            node.input[:] = [new if name == old else name for name in node.input]
            node.output[:] = [new if name == old else name for name in node.output]

    return edit


def mask_element(model: onnx.ModelProto) -> None:
    model.graph.node[-1].attribute[0].i = TensorProto.INT64
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64


def fixed_height(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 64


def second_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("bright", TensorProto.BOOL, ["n", "h", "w"]))


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "Casst"


def external_weights(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[1]
    tensor.ClearField("int32_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")


def custom_domain(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def shrunken_mask(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "whole"
    model.graph.initializer.extend(
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("from", 0), ("to", 1), ("axis", 1))
    )
    model.graph.node.append(helper.make_node("Slice", ["whole", "from", "to", "axis"], ["mask"]))


def gradient(height: int, width: int) -> np.ndarray:
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize("hw", [(1, 1), (1, 9), (40, 33)])
def test_a_mask_has_the_size_of_its_image(hw: tuple[int, int]) -> None:
    """The promise of the contract, for any size."""
    image = gradient(*hw)
    mask = Session(threshold_onnx()).predict(image)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, image[:, :, 0] >= 128)


def test_a_batch_gives_the_masks_of_its_images(tmp_path: Path) -> None:
    """A path and bytes are the same to a caller."""
    path = tmp_path / "model.onnx"
    path.write_bytes(threshold_onnx())
    images = np.stack([gradient(4, 5), 255 - gradient(4, 5)])
    masks = Session(path).predict_batch(images)
    np.testing.assert_array_equal(masks, images[..., 0] >= 128)


def test_an_image_need_not_be_contiguous() -> None:
    """Flipped and cropped arrays are views; onnxruntime would refuse or misread them."""
    image = gradient(6, 8)[::-1, 2:7]
    np.testing.assert_array_equal(Session(threshold_onnx()).predict(image), image[:, :, 0] >= 128)


def test_what_runs_is_reported() -> None:
    """A benchmark without provider and threads says nothing."""
    session = Session(threshold_onnx(), intra_op_threads=1)
    session.warm_up((8, 8))
    assert (session.provider, session.threads, session.outputs) == ("CPUExecutionProvider", 1, ("mask",))
    assert [each.name for each in session.classes] == ["dark", "bright"]


@pytest.mark.parametrize("providers", [("NoSuchExecutionProvider",), (), ("NoSuch", "CPUExecutionProvider")])
def test_a_provider_that_cannot_run_is_refused(providers: tuple[str, ...]) -> None:
    """onnxruntime would fall back to the CPU without a word, twenty times slower."""
    with pytest.raises(ProviderRefused, match="CPUExecutionProvider"):
        Session(threshold_onnx(), providers=providers)


def test_cuda_runs_or_is_refused() -> None:
    """On a machine without a driver onnxruntime lists CUDA and then runs on the CPU."""
    with suppress(ProviderRefused):
        assert Session(threshold_onnx(), providers=("CUDAExecutionProvider",)).provider == "CUDAExecutionProvider"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (renamed("image", "pixels"), "expected one input named image"),
        (renamed("mask", "labels"), "output named mask"),
        (second_output, "output bright"),
        (mask_element, r"mask is tensor\(int64\)"),
        (fixed_height, "image is tensor"),
        (unknown_operator, "onnxruntime refuses"),
        (external_weights, "keeps weights in another file"),
        (custom_domain, "com.example"),
        (lambda model: model.ClearField("metadata_props"), "lacks 'bpkd.contract'"),
        (property_set("bpkd.contract", "2"), 'contract "2"'),
        (property_set("classes", "dark, bright"), "damaged"),
        (property_set("classes", "[]"), "class ids are"),
        (property_set("classes", '[{"id": 3, "name": "x", "color": [0, 0, 0]}]'), "class ids are"),
        (property_set("stride", "eight"), "damaged"),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused_with_a_sentence(edit: Edit, sentence: str) -> None:
    """A person who uploads a file must learn what to change."""
    with pytest.raises(InvalidModel, match=sentence) as refusal:
        Session(edited(edit))
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize("data", [b"", b"no model", b"\x89PNG\r\n\x1a\n", threshold_onnx()[:-20], b"\x80\x02}q\x00."])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    """Pickles and pictures with the suffix .onnx arrive too."""
    with pytest.raises(InvalidModel):
        Session(data)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The name and not the path: messages travel to users."""
    with pytest.raises(InvalidModel, match=r"^gone\.onnx cannot be read"):
        Session(tmp_path / "gone.onnx")


def test_a_mask_of_another_size_than_the_image_is_refused() -> None:
    """Shapes are free in the file, so only running it tells."""
    with pytest.raises(InvalidModel, match="expected equal sizes"):
        Session(edited(shrunken_mask)).predict(gradient(4, 5))


def test_an_output_that_the_file_lacks_is_named() -> None:
    """Confidence is not in every file."""
    with pytest.raises(InvalidModel, match="no output confidence, only mask"):
        Session(threshold_onnx()).run(gradient(4, 5)[None], ("mask", "confidence"))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5, 3), np.float32),
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((1, 4, 5, 3), np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((3, 4, 5), np.uint8),
    ],
)
def test_what_is_no_rgb_image_is_refused(image: np.ndarray) -> None:
    """A float image between 0 and 1 would give a black mask and no error."""
    with pytest.raises(InvalidImage, match="expected"):
        Session(threshold_onnx()).predict(image)
