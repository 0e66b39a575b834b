"""Weights and images that anyone can draw again: the same ones go into MMSegmentation's networks and into ours.

What MMSegmentation says of them is kept in tests/golden/openmmlab, one file a network, written by
tests/bench/openmmlab.py. A file is a compressed NumPy archive with no pickles in it: `keys`, the text of one line
`key shape` per tensor; `gain`, see :func:`weights`; `shape_HxW` and `logits_HxW`, the shape of the logits of an image
of that size and some of them.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

GOLDEN = Path(__file__).parents[1] / "golden" / "openmmlab"
NUM_CLASSES = 4
SIZES = ((65, 97), (96, 129), (33, 223))
"""Sizes that 32 does not divide: where paddings and roundings differ, they differ here."""
SAMPLES = 512
NOISE = np.random.RandomState(0).standard_normal(65_537).astype(np.float32)  # the one stream that NumPy keeps for ever

CLASSIFIER = "decode_head.conv_seg.weight"
DEVIATION = 3.0
"""Of the logits over an image, as of a trained network."""

Shapes = dict[str, tuple[int, ...]]


def draw(key: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor of that name: a stretch of the noise that begins where the name says.

    Scaled so that the signal neither dies nor explodes: variances near 1, gains near 0.6, so that a hundred residual
    blocks can be summed, kernels by their fan in.
    """
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    start = zlib.crc32(key.encode()) % NOISE.size
    noise = torch.from_numpy(np.resize(np.roll(NOISE, -start), math.prod(shape))).reshape(shape)
    if key.endswith("running_var"):
        return (0.2 * noise).exp()
    if len(shape) > 1:
        return noise * math.sqrt(2 / math.prod(shape[1:]))
    return 0.6 + 0.1 * noise if key.endswith("weight") else 0.2 * noise


def weights(shapes: Shapes, gain: float = 1.0) -> dict[str, Tensor]:
    """A whole state_dict, but for the buffers that index others and are no weights.

    gain: of the classifier, so that the logits of every network are of one size and one tolerance means the same.
    """
    drawn = {key: draw(key, shape) for key, shape in shapes.items() if not key.endswith("_index")}
    drawn[CLASSIFIER] *= gain
    return drawn


def redraw(net: nn.Module) -> None:
    """Give a network of any kind drawn weights; fresh ones of most give next to no logits."""
    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items() if not key.endswith("_index")}
    net.load_state_dict({**net.state_dict(), **{key: draw(key, shape) for key, shape in shapes.items()}})


def image(hw: tuple[int, int]) -> Tensor:
    """A normalised image (1, 3, H, W): noise over a slope, so that neighbours and far pixels both differ."""
    height, width = hw
    noise = torch.from_numpy(np.resize(NOISE, 3 * height * width)).reshape(1, 3, height, width)
    return noise + torch.linspace(-1, 1, height)[:, None] - torch.linspace(-1, 1, width)


def sample(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Some of the logits of an image, the same places for the same shape, borders and all classes among them."""
    return logits.ravel()[np.random.RandomState(0).randint(0, logits.size, SAMPLES)]


def key_lines(shapes: Shapes) -> str:
    """One line `key 64x3x7x7` per tensor, sorted; a scalar's shape is empty."""
    return "\n".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in sorted(shapes.items()))


def shapes_of(lines: str) -> Shapes:
    """What :func:`key_lines` wrote down."""
    pairs = (line.split(" ") for line in lines.splitlines())
    return {key: tuple(map(int, filter(None, shape.split("x")))) for key, shape in pairs}
