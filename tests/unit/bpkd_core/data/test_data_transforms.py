from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bpkd_core.data.base import Sample
from bpkd_core.data.transforms import MEAN, PAD_COLOUR, STD, TrainTransform, as_tensors, fitting_scale, normalise
from bpkd_core.errors import InvalidInput

STILL = {"flip": 0.0, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue_deg": 0.0}


def noise(height: int = 60, width: int = 80, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (height, width))
    return Sample(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), labels)


def blocks(height: int = 240, width: int = 320, side: int = 40) -> Sample:
    """An image whose grey level is 10 times its label: whatever moves one must move the other."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 20, (height // side, width // side), dtype=np.uint8)
    labels = coarse.repeat(side, 0).repeat(side, 1)
    return Sample((labels[..., None] * 10).repeat(3, 2), labels)


def test_one_seed_gives_one_result_and_touches_no_global_randomness() -> None:
    # a resumed run replays its augmentation, whatever else has drawn random numbers meanwhile
    transform, sample = TrainTransform((32, 48)), noise()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, second = transform(sample, 5), transform(sample, 5)
    other = transform(sample, 6)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


def test_the_sample_itself_is_never_written_to() -> None:
    # it lives in the dataset's cache and will be visited again
    sample = noise()
    image, labels = sample.image_HW3.copy(), sample.labels_HW.copy()
    for seed in range(20):
        result = TrainTransform((60, 80), scale=(1.0, 1.0))(sample, seed)
        result[0].zero_(), result[1].zero_()
    np.testing.assert_array_equal(sample.image_HW3, image)
    np.testing.assert_array_equal(sample.labels_HW, labels)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70), st.integers(1, 70), st.tuples(st.integers(1, 70), st.integers(1, 70)), st.integers(0, 2**64 - 1)
)
def test_any_image_becomes_a_crop_of_the_asked_size(height, width, crop_hw, seed) -> None:
    # images smaller than the crop, of one pixel, or much larger are all met in the wild
    sample = noise(height, width)
    image, labels = TrainTransform(crop_hw)(sample, seed)
    assert image.shape == (3, *crop_hw)
    assert labels.shape == crop_hw
    assert image.dtype == labels.dtype == torch.uint8
    assert image.is_contiguous()
    assert labels.is_contiguous()
    assert set(labels.unique().tolist()) <= {*np.unique(sample.labels_HW).tolist(), 255}


def test_without_scale_and_distortion_the_crop_is_a_window_of_the_image() -> None:
    # bilinear resizing at scale 1 must be the identity, to the bit
    sample = noise()
    image, labels = TrainTransform((20, 30), scale=(1.0, 1.0), **STILL)(sample, 3)
    windows = np.lib.stride_tricks.sliding_window_view(sample.labels_HW, (20, 30))
    (top, left), *others = np.argwhere((windows == labels.numpy()).all((-1, -2)))
    assert not others
    np.testing.assert_array_equal(image.permute(1, 2, 0), sample.image_HW3[top : top + 20, left : left + 30])


@pytest.mark.parametrize("scale", [0.5, 0.77, 1.0, 1.31, 2.0])
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_image_and_labels_stay_aligned(scale: float, flip: float) -> None:
    # half a pixel of shift between them would teach every boundary wrong
    transform = TrainTransform((128, 160), scale=(scale, scale), **{**STILL, "flip": flip})
    image, labels = transform(blocks(), 11)
    valid = labels != 255
    as_labels = (image[0].float() / 10).round()
    differ = (as_labels != labels) & valid
    # only pixels that mix two blocks may differ, and a mix spreads to at most one pixel on each side of a border
    inner = torch.nn.functional.max_pool2d(labels[None].float(), 3, 1, 1) == -torch.nn.functional.max_pool2d(
        -labels[None].float(), 3, 1, 1
    )
    assert valid.any()
    assert not (differ & inner[0]).any()
    centres = image[0].float()[~inner[0] & valid]
    assert centres.numel() > 0


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.7])
def test_labels_are_the_nearest_source_pixel(scale: float) -> None:
    # written out: centre of the new pixel, back in the source's grid
    sample = noise(40, 50)
    crop = (round(40 * scale), round(50 * scale))
    _, labels = TrainTransform(crop, scale=(scale, scale), **STILL)(sample, 0)
    for row in range(crop[0]):
        for column in range(crop[1]):
            y, x = int((row + 0.5) * 40 / crop[0]), int((column + 0.5) * 50 / crop[1])
            assert labels[row, column] == sample.labels_HW[y, x]


def test_what_the_image_does_not_cover_is_void_and_mean() -> None:
    # padding at the right and the bottom, 255 in the labels: it enters no loss
    sample = Sample(np.full((10, 12, 3), 200, np.uint8), np.zeros((10, 12), np.uint8))
    image, labels = TrainTransform((16, 20), scale=(1.0, 1.0), **STILL)(sample, 0)
    assert (labels[:10, :12] == 0).all()
    assert (image[:, :10, :12] == 200).all()
    assert (labels == 255).sum() == 16 * 20 - 10 * 12
    assert image[:, 15, 19].tolist() == list(PAD_COLOUR)


def test_a_crop_that_one_class_fills_is_drawn_again() -> None:
    # streets are half road: without this a third of the crops would teach nothing else
    labels = np.zeros((100, 400), np.uint8)
    labels[:, 300:] = np.arange(100, dtype=np.uint8) // 20 + 1
    sample = Sample(np.zeros((100, 400, 3), np.uint8), labels)

    def dull(cat_max_ratio: float) -> int:
        transform = TrainTransform((100, 100), scale=(1.0, 1.0), cat_max_ratio=cat_max_ratio, **STILL)
        shares = [(transform(sample, seed)[1] == 0).float().mean().item() for seed in range(100)]
        return sum(share > 0.75 for share in shares)

    # three boxes of four are dull; that ten draws in a row are has a chance of 0.75^10 = 6 %
    assert dull(1.0) > 60
    assert dull(0.75) < 20


def test_flip_mirrors_image_and_labels_about_half_of_the_time() -> None:
    # a flip of one without the other would be fatal and silent
    labels = np.tile(np.arange(8, dtype=np.uint8), (8, 1))
    sample = Sample((labels[..., None] * 30).repeat(3, 2), labels)
    transform = TrainTransform((8, 8), scale=(1.0, 1.0), **{**STILL, "flip": 0.5})
    results = [transform(sample, seed) for seed in range(200)]
    assert all(torch.equal(image[0], labels * 30) for image, labels in results)
    flipped = sum(bool(labels[0, 0] == 7) for _, labels in results)
    assert 70 < flipped < 130


def test_brightness_moves_all_channels_alike_and_clips() -> None:
    # the distortion must not wrap around at 0 and 255
    sample = Sample(np.full((4, 4, 3), 250, np.uint8), np.zeros((4, 4), np.uint8))
    transform = TrainTransform((4, 4), scale=(1.0, 1.0), **{**STILL, "brightness": 32.0})
    values = [transform(sample, seed)[0] for seed in range(60)]
    assert all((value == value[0, 0, 0]).all() for value in values)
    means = [int(value[0, 0, 0]) for value in values]
    assert max(means) == 255
    assert 218 <= min(means) < 240


def test_saturation_and_hue_leave_grey_alone() -> None:
    # they turn colours around the grey axis; brightness is not theirs to change
    sample = Sample(np.full((4, 4, 3), 90, np.uint8), np.zeros((4, 4), np.uint8))
    transform = TrainTransform((4, 4), scale=(1.0, 1.0), **{**STILL, "saturation": 0.5, "hue_deg": 18.0})
    assert all((transform(sample, seed)[0].int() - 90).abs().max() <= 1 for seed in range(40))


def test_hue_turns_colours_and_keeps_their_luma() -> None:
    # red may become orange, and stays as bright
    sample = Sample(np.tile(np.array([140, 90, 80], np.uint8), (4, 4, 1)), np.zeros((4, 4), np.uint8))
    transform = TrainTransform((4, 4), scale=(1.0, 1.0), **{**STILL, "hue_deg": 30.0})
    pixels = torch.stack([transform(sample, seed)[0][:, 0, 0].float() for seed in range(40)])
    luma = pixels @ torch.tensor([0.299, 0.587, 0.114])
    assert (luma - luma.median()).abs().max() < 1.5
    assert pixels[:, 1].max() - pixels[:, 1].min() > 10


def test_contrast_scales_values() -> None:
    # within 1 +- contrast, and really both ways
    sample = Sample(np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.uint8))
    transform = TrainTransform((4, 4), scale=(1.0, 1.0), **{**STILL, "contrast": 0.5})
    values = [int(transform(sample, seed)[0][0, 0, 0]) for seed in range(80)]
    assert 50 <= min(values) < 75
    assert 125 < max(values) <= 150


def test_normalise_uses_imagenet_statistics() -> None:
    # pretrained backbones and the exported graph expect exactly these
    images = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    result = normalise(images)
    assert result.dtype == torch.float32
    for channel in range(3):
        expected = (images[:, channel].double() - MEAN[channel]) / STD[channel]
        np.testing.assert_allclose(result[:, channel], expected, atol=1e-6)
    last = images.contiguous(memory_format=torch.channels_last)
    assert normalise(last).is_contiguous(memory_format=torch.channels_last)


def test_evaluation_sees_the_sample_unchanged() -> None:
    # whole images, no augmentation, and a copy: tensors may be moved or written to
    sample = noise()
    image, labels = as_tensors(sample)
    np.testing.assert_array_equal(image.permute(1, 2, 0), sample.image_HW3)
    np.testing.assert_array_equal(labels, sample.labels_HW)
    labels.fill_(9)
    assert not (sample.labels_HW == 9).any()


@pytest.mark.parametrize(("field", "value"), [("crop_hw", (0, 4)), ("scale", (0.0, 1.0)), ("scale", (2.0, 1.0))])
def test_impossible_settings_are_refused(field: str, value: tuple[float, float]) -> None:
    # before the first epoch, with the field's name
    with pytest.raises(InvalidInput, match=str(value[0])):
        TrainTransform(**{"crop_hw": (8, 8), field: value})


@pytest.mark.parametrize(
    ("size_hw", "resize", "factor"),
    [
        ((512, 683), (2048, 512), 1.0),
        ((1024, 1365), (2048, 512), 0.5),
        ((100, 1000), (2048, 512), 2.048),
        ((375, 500), (520, 520), 1.04),
        ((500, 375), (520, 520), 1.04),
    ],
)
def test_an_image_is_fitted_as_mmsegmentation_does_it(size_hw, resize, factor) -> None:
    # the long side may not pass the longer bound, nor the short side the shorter
    assert fitting_scale(size_hw, resize) == pytest.approx(factor)
    assert fitting_scale(size_hw, None) == 1.0


def test_fitting_is_a_factor_of_the_random_resize() -> None:
    # large photographs are reduced before a crop is cut, or it would show one wall
    sample = blocks()
    fitted = TrainTransform((120, 160), resize=(160, 120), scale=(1.0, 1.0), **STILL)(sample, 0)
    halved = TrainTransform((120, 160), scale=(0.5, 0.5), **STILL)(sample, 0)
    assert torch.equal(fitted[0], halved[0])
    assert torch.equal(fitted[1], halved[1])
