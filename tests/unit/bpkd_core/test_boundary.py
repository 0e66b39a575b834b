from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from references.boundary import edge_masks_by_loops
from torch import Tensor

from bpkd_core.bench.dense import edge_masks_dense
from bpkd_core.boundary import edge_bands, edge_masks
from bpkd_core.errors import InvalidInput


def random_labels(seed: int, shape: tuple[int, int, int], num_values: int, grain: int, void_share: float) -> Tensor:
    """Squares of `grain` pixels of one value each, and void pixels strewn over them."""
    generator = torch.Generator().manual_seed(seed)
    images, height, width = shape
    coarse = torch.randint(0, num_values, (images, -(-height // grain), -(-width // grain)), generator=generator)
    labels = coarse.repeat_interleave(grain, 1).repeat_interleave(grain, 2)[:, :height, :width].clone()
    labels[torch.rand(labels.shape, generator=generator) < void_share] = 255
    return labels


def blobs(num_classes: int, height: int, width: int) -> Tensor:
    """Smooth regions with a thin pole across them and a void corner, as in street scenes."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(2, num_classes, 5, 7, generator=generator)
    labels = F.interpolate(coarse, size=(height, width), mode="bicubic").argmax(1)
    labels[:, height // 4 :, width // 3 : width // 3 + 2] = num_classes - 1
    labels[:, -height // 8 :, : width // 5] = 255
    return labels


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 40)),
    num_classes=st.sampled_from([1, 2, 3, 15, 16, 31, 32, 63, 64, 150, 300]),
    grain=st.sampled_from([1, 4, 9]),
    void_share=st.sampled_from([0.0, 0.1, 1.0]),
    width_px=st.sampled_from([1, 3, 5, 7, 21]),
    size_hw=st.none() | st.tuples(st.integers(1, 45), st.integers(1, 45)),
    void=st.sampled_from(["transparent", "as_class"]),
)
def test_equals_the_dense_form_bit_for_bit(
    seed, shape, num_classes, grain, void_share, width_px, size_hw, void
) -> None:
    """The fast form may not differ anywhere: every count of words, any size, any share of void."""
    labels = random_labels(seed, shape, num_classes, grain, void_share)
    fast = edge_masks(labels, num_classes, width_px=width_px, size_hw=size_hw, void=void)
    assert torch.equal(fast, edge_masks_dense(labels, num_classes, width_px, size_hw, void=void))


@pytest.mark.parametrize("num_classes", [63, 64, 126, 130])
@pytest.mark.parametrize("void", ["transparent", "as_class"])
def test_classes_may_meet_across_words(num_classes: int, void: str) -> None:
    """Class 62 beside class 63 is one bit in either of two words, and void may sit in a word of its own."""
    labels = torch.arange(num_classes).repeat_interleave(2).expand(1, 4, -1).clone()
    labels[0, :, :5] = 255
    fast = edge_masks(labels, num_classes, width_px=3, void=void)  # pyright: ignore[reportArgumentType]
    assert torch.equal(fast, edge_masks_dense(labels, num_classes, 3, void=void))


@pytest.mark.parametrize("void", ["transparent", "as_class"])
@pytest.mark.parametrize("size_hw", [None, (6, 7), (4, 4), (13, 3)])
def test_equals_the_definition_written_as_loops(size_hw: tuple[int, int] | None, void: str) -> None:
    """Max-pooling could share a mistake with the code; loops over windows cannot."""
    labels = random_labels(3, (2, 12, 14), 4, 3, 0.1)
    fast = edge_masks(labels, 4, width_px=5, size_hw=size_hw, void=void)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(fast.numpy(), edge_masks_by_loops(labels.numpy(), 4, 5, size_hw, void=void), atol=1e-6)


@pytest.mark.parametrize(("num_classes", "size_hw"), [(19, (8, 16)), (19, None), (40, (9, 17)), (150, (8, 8))])
def test_equals_the_dense_form_on_regions_like_a_street(num_classes: int, size_hw: tuple[int, int] | None) -> None:
    """Large regions, a thin pole and void together: what training will feed it."""
    labels = blobs(num_classes, 64, 128)
    assert torch.equal(
        edge_masks(labels, num_classes, size_hw=size_hw), edge_masks_dense(labels, num_classes, size_hw=size_hw)
    )


def test_the_frame_of_the_image_is_never_an_edge() -> None:
    """A padded window would see "nothing" outside and mark every image border."""
    assert edge_masks(torch.full((2, 9, 11), 3), 5).sum() == 0


def test_a_band_has_the_width_of_the_window_less_one() -> None:
    """Width 7 means three pixels on either side of a straight border, in both classes' channels."""
    labels = torch.zeros(1, 3, 20, dtype=torch.long)
    labels[..., 10:] = 1
    band = torch.zeros(20)
    band[7:13] = 1
    assert torch.equal(edge_masks(labels, 2)[0], band.expand(2, 3, 20))


def test_a_window_of_one_pixel_makes_no_edge() -> None:
    """Width 1 is legal and means no band, not an error or a full mask."""
    assert edge_masks(random_labels(0, (1, 8, 8), 3, 1, 0.0), 3, width_px=1).sum() == 0


def test_transparent_void_neither_makes_an_edge_nor_carries_one() -> None:
    """Unlabelled margins must not turn into boundaries."""
    labels = torch.tensor([[[0, 0, 255, 255, 0, 0, 255, 1]]])
    assert edge_masks(labels, 2, width_px=3).sum() == 0
    assert torch.equal(edge_masks(labels, 2, width_px=5)[0, :, 0], torch.tensor([[0, 0, 0, 0, 0, 1.0, 0, 1]] * 2))


def test_void_as_a_class_makes_edges_and_carries_them_without_a_channel() -> None:
    """The other reading of the paper: void is one more region, seen only through its neighbours' bands."""
    labels = torch.tensor([[[0, 0, 0, 255, 255, 255]]])
    masks = edge_masks(labels, 2, width_px=3, void="as_class")
    assert masks[0, :, 0].tolist() == [[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]]


def test_all_void_gives_zeros() -> None:
    """A crop can lie outside every label."""
    for void in ("transparent", "as_class"):
        assert edge_masks(torch.full((1, 6, 6), 255), 3, void=void).sum() == 0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.int16, torch.int32, torch.int64])
def test_any_integer_type_gives_the_same_masks(dtype: torch.dtype) -> None:
    """Loaders hand over uint8, cross-entropy wants int64; nobody should convert for the mask's sake."""
    labels = random_labels(1, (2, 15, 17), 5, 4, 0.1)
    assert torch.equal(edge_masks(labels.to(dtype), 5), edge_masks_dense(labels, 5))


@pytest.mark.parametrize("ignore_index", [-100, -1, 0, 2, 300, 65535])
def test_any_value_can_be_void(ignore_index: int) -> None:
    """-100 is torch's own default, 0 is ADE20K's, and with 300 classes 255 is a class."""
    labels = random_labels(2, (1, 20, 20), 300, 5, 0.0)
    labels[0, 3:9, 2:7] = ignore_index
    fast = edge_masks(labels, 300, ignore_index=ignore_index)
    assert torch.equal(fast, edge_masks_dense(labels, 300, ignore_index=ignore_index))


@pytest.mark.parametrize("ignore_index", [-1, 300])
def test_a_void_value_that_the_type_cannot_hold_is_found_nowhere(ignore_index: int) -> None:
    """torch compares uint8 modulo 256: 255 would be taken for -1, and 44 for 300."""
    labels = random_labels(5, (1, 20, 20), 256, 5, 0.0)
    labels[0, :8, :8], labels[0, 8:, 8:] = 255, 44
    fast = edge_masks(labels.to(torch.uint8), 256, ignore_index=ignore_index)
    assert torch.equal(fast, edge_masks_dense(labels, 256, ignore_index=ignore_index))


def test_labels_are_left_as_they_were() -> None:
    """The same tensor goes on to the cross-entropy."""
    labels = random_labels(4, (1, 9, 9), 3, 2, 0.2)
    before = labels.clone()
    edge_masks(labels, 3, size_hw=(3, 3))
    assert torch.equal(labels, before)


@pytest.mark.parametrize("wrong", [-3, 5, 7, 254, 2**40])
def test_a_value_out_of_range_is_named(wrong: int) -> None:
    """A class map that was not applied shows here first; the message must say which value."""
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[0, 2, 1] = wrong
    with pytest.raises(InvalidInput, match=f"the value {wrong};"):
        edge_masks(labels, 5)


@pytest.mark.parametrize("width_px", [0, -1, 2, 8])
def test_an_even_or_empty_window_is_refused(width_px: int) -> None:
    """An even window has no centre: the band would lean to one side."""
    with pytest.raises(InvalidInput, match="odd"):
        edge_masks(torch.zeros(1, 4, 4, dtype=torch.long), 2, width_px=width_px)


@pytest.mark.parametrize("labels", [torch.zeros(1, 4, 4), torch.zeros(4, 4).long(), torch.ones(1, 4, 4).bool()])
def test_what_is_no_label_map_is_refused(labels: Tensor) -> None:
    """Floats, a missing batch axis and booleans are common slips."""
    with pytest.raises(InvalidInput, match="integers of shape"):
        edge_masks(labels, 2)


def test_an_unknown_void_rule_is_refused() -> None:
    """Options reach this function from a file, where no type checker looks."""
    with pytest.raises(InvalidInput, match="as_class"):
        edge_masks(torch.zeros(1, 4, 4, dtype=torch.long), 2, void="ignore")  # pyright: ignore[reportArgumentType]


def test_bands_list_what_is_not_zero_once() -> None:
    """A place listed twice would count twice in the loss, and a zero in it would be a pixel of n_c."""
    labels = random_labels(6, (2, 40, 40), 30, 4, 0.1)
    bands = edge_bands(labels, 30, size_hw=(9, 9))
    assert torch.equal(bands.index_E.sort().values, bands.dense().flatten().nonzero()[:, 0])
    assert (bands.share_E > 0).all()


def test_bands_say_which_channel_and_pixel_each_value_is_of() -> None:
    """The loss sums by both."""
    bands = edge_bands(random_labels(7, (3, 20, 20), 5, 4, 0.0), 5, size_hw=(4, 5))
    image, channel, row, column = torch.unravel_index(bands.index_E, bands.shape_NChw)
    assert torch.equal(bands.channel_E, image * 5 + channel)
    assert torch.equal(bands.pixel_E, (image * 4 + row) * 5 + column)
    assert bands.num_pixels == 3 * 4 * 5
