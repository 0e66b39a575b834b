"""What stands around the network in the served file: pixels in, class ids out, in plain ONNX operators.

:func:`normalise_and_pad` goes before the network. :func:`upsampled_argmax` goes behind it and gives the argmax of
the bilinearly upsampled logits without upsampling most of them. The idea: bilinear interpolation is a convex
combination, so where the four corners of a cell agree on the winning class, so does every pixel between them. Only the
cells that a boundary crosses have their C scores interpolated. The result is exact, but for pixels whose two best
scores are equal up to rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from bpkd_core.data.transforms import MEAN, STD
from bpkd_core.export.nodes import Nodes

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (y, x) of a cell's corners, in the order of the weights
SMALLEST_SIDE = 32  # pixels; SegFormer's attention reduces 32-fold and has nothing left of a smaller image
END = np.iinfo(np.int32).max  # as the end of a slice: up to the last


def normalise_and_pad(g: Nodes, image: str, stride: int, *, out: str) -> str:
    """uint8 [N, H, W, 3] to float32 [N, 3, H', W']: ImageNet's mean and deviation, then zeros at the right and bottom.

    H' and W' are :func:`padded_side` of H and W. Zero is the mean colour, with which training pads too.
    """
    # planes first: onnxruntime subtracts three numbers along the last axis ten times slower (7.0 against 0.7 ms)
    pixels = g.Cast(g.Transpose(image, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    normalised = g.Div(g.Sub(pixels, _per_channel(MEAN)), _per_channel(STD))
    size_hw = spatial_size(g, image)
    at_least = g.Max(size_hw, [SMALLEST_SIDE, SMALLEST_SIDE])
    padded = g.Add(at_least, g.Mod(g.Neg(at_least), [stride, stride]))
    missing = g.Sub(padded, size_hw)
    return g.Pad(normalised, g.Concat([0, 0, 0, 0, 0, 0], missing, axis=0), out=out)


def padded_side(side: int, stride: int) -> int:
    """The side that the network sees: at least SMALLEST_SIDE, and a multiple of the stride."""
    at_least = max(side, SMALLEST_SIDE)
    return at_least + -at_least % stride


def spatial_size(g: Nodes, image: str) -> str:
    """[H, W] of an image [N, H, W, 3]."""
    return g.Shape(image, start=1, end=3)


def upsampled_argmax(
    g: Nodes, logits: str, size_hw: str, *, stride: int, num_classes: int, dtype: str, out: str
) -> str:
    """Logits float32 [N, C, h, w] to class ids [N, H, W]: what Resize (bilinear, half pixel), ArgMax and a crop give.

    size_hw: int64 [2], at most stride * (h, w). dtype: of the ids, uint8 or uint16.
    Replicating the border by one lays h + 1 by w + 1 cells of stride x stride pixels between the centres of the scores.
    """
    scores = g.Pad(g.Transpose(logits, perm=[0, 2, 3, 1]), [0, 1, 1, 0, 0, 1, 1, 0], mode="edge")
    winners, impure = _cells(g, g.ArgMax(scores, axis=3, keepdims=0))
    # one row of pixels per class, gathered: onnxruntime expands bytes seven times slower (142 against 19 us)
    uniform = np.arange(num_classes, dtype=dtype).repeat(stride * stride).reshape(num_classes, -1)
    mixed = _interpolated_argmax(g, scores, impure, stride, num_classes)
    mixed = g.Cast(mixed, to=helper.np_dtype_to_tensor_dtype(uniform.dtype))
    cells = g.ScatterND(g.Gather(uniform, winners), impure, mixed)

    rows = g.Reshape(cells, g.Concat(g.Shape(winners), [stride, stride], axis=0))
    rows = g.Transpose(rows, perm=[0, 1, 3, 2, 4])
    canvas_hw = g.Mul(g.Shape(winners, start=1), [stride, stride])
    canvas = g.Reshape(rows, g.Concat([0], canvas_hw, axis=0))
    first = [(stride + 1) // 2] * 2  # the image begins half a cell inside the first cell
    return g.Slice(canvas, first, g.Add(size_hw, first), [1, 2], out=out)


def upsampled_confidence(g: Nodes, logits: str, size_hw: str, stride: int, *, out: str) -> str:
    """Logits float32 [N, C, h, w] to the softmax of the winning class, float32 [N, H, W]; every score is upsampled."""
    scales = np.array([1, 1, stride, stride], np.float32)
    half_pixel = "half_pixel"
    scores = g.Resize(logits, "", scales, mode="linear", coordinate_transformation_mode=half_pixel)
    best = g.ReduceMax(g.Softmax(scores, axis=1), [1], keepdims=0)
    return g.Slice(best, [0, 0], size_hw, [1, 2], out=out)


def cell_weights(stride: int) -> NDArray[np.float32]:
    """Bilinear weights [4, stride * stride]: how much each corner of a cell counts in each of its pixels.

    Pixel k of a cell lies at (k + 1/2) / stride between two centres for an even stride, at k / stride for an odd one.
    """
    position = (np.arange(stride) + 0.5 * (stride % 2 == 0)) / stride
    along = np.stack([1 - position, position])
    return np.einsum("iy,jx->ijyx", along, along).reshape(4, stride * stride).astype(np.float32)


def _cells(g: Nodes, winners: str) -> tuple[str, str]:
    """From winners [N, h + 2, w + 2]: each cell's top left winner; the indices [K, 3] of cells whose corners differ."""
    first, *others = (g.Slice(winners, [y, x], [END if y else -1, END if x else -1], [1, 2]) for y, x in CORNERS)
    same = [g.Equal(first, other) for other in others]
    impure = g.Not(g.And(g.And(same[0], same[1]), same[2]))
    return first, g.Transpose(g.NonZero(impure), perm=[1, 0])


def _interpolated_argmax(g: Nodes, scores: str, cells: str, stride: int, num_classes: int) -> str:
    """Class ids int64 [K, stride * stride] of the pixels in K cells, K from 0, from scores [N, h + 2, w + 2, C]."""
    offsets = np.array([[0, y, x] for y, x in CORNERS])
    corners_K4C = g.GatherND(scores, g.Add(g.Unsqueeze(cells, [1]), offsets))
    # one flat matrix: onnxruntime refuses a batched product of no cells, and one product is faster than K
    corners = g.Reshape(g.Transpose(corners_K4C, perm=[0, 2, 1]), [-1, len(CORNERS)])
    pixels = g.Reshape(g.MatMul(corners, cell_weights(stride)), [-1, num_classes, stride * stride])
    return g.ArgMax(pixels, axis=1, keepdims=0)


def _per_channel(values: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.array(values, np.float32).reshape(3, 1, 1)
