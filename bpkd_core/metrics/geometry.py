"""Distances on label maps. All are Chebyshev distances, which are what iterated 3x3 windows measure.

Void is transparent here: it neither differs from a neighbour nor hides what lies behind it. The frame of the image is
no border; windows are clipped there. Label maps are signed integers whose void pixels hold the id `void`, one above
the largest class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.signedinteger[Any]]
Distances = NDArray[np.unsignedinteger[Any]]

BITS_PER_WORD = 64


def spread(map_HW: NDArray[Any], pick: np.ufunc) -> NDArray[Any]:
    """`pick` (minimum, maximum, bitwise_or) over the 3x3 window of each pixel, clipped at the frame."""
    tall = map_HW.copy()
    pick(tall[1:], map_HW[:-1], out=tall[1:])
    pick(tall[:-1], map_HW[1:], out=tall[:-1])
    wide = tall.copy()
    pick(wide[:, 1:], tall[:, :-1], out=wide[:, 1:])
    pick(wide[:, :-1], tall[:, 1:], out=wide[:, :-1])
    return wide


def border_distance(labels_HW: Labels, *, void: int, limit_px: int) -> Distances:
    """Distance in px from each pixel to the nearest one of another class: 1...limit_px, or limit_px + 1 for "farther".

    A square window of radius r around the pixel is impure exactly when the distance is at most r. Void pixels get
    limit_px + 1.
    """
    lowest, highest = labels_HW, np.where(labels_HW == void, labels_HW.dtype.type(-1), labels_HW)
    distance_HW = np.ones(labels_HW.shape, np.min_scalar_type(limit_px + 1))
    for _ in range(limit_px):
        lowest, highest = spread(lowest, np.minimum), spread(highest, np.maximum)
        distance_HW += lowest == highest
    distance_HW[labels_HW == void] = limit_px + 1
    return distance_HW


def within_frame(band_HW: NDArray[np.bool_], width_px: int) -> NDArray[np.bool_]:
    """A copy of the band that also holds the pixels up to `width_px` from the frame."""
    framed_HW = np.ones_like(band_HW)
    inside = slice(width_px, -width_px)
    framed_HW[inside, inside] = band_HW[inside, inside]
    return framed_HW


def class_distance(from_HW: Labels, to_HW: Labels, *, void: int, limit_px: int) -> tuple[Labels, NDArray[np.intp]]:
    """Distance from each pixel of `from_HW` that is not void to the nearest pixel of the *same class* in `to_HW`.

    Returns the classes and the distances of those P pixels, in raster order; 1 stands for 0 and 1 px, limit_px + 1
    for "farther". Each class present is one bit of an integer image, so one OR grows all classes at once.
    """
    places_P = np.flatnonzero(from_HW != void)
    labels_P = from_HW.ravel()[places_P]
    distance_P = np.ones(len(places_P), np.intp)
    classes = np.unique(labels_P)
    for start in range(0, len(classes), BITS_PER_WORD):
        word = classes[start : start + BITS_PER_WORD]
        dtype = np.min_scalar_type((1 << len(word)) - 1)
        bit_of_class = np.zeros(void + 1, dtype)
        bit_of_class[word] = [1 << index for index in range(len(word))]
        own_P, reached_HW = bit_of_class[labels_P], bit_of_class[to_HW]
        for _ in range(limit_px):
            reached_HW = spread(reached_HW, np.bitwise_or)
            distance_P += (own_P != 0) & (reached_HW.ravel()[places_P] & own_P == 0)
    return labels_P, distance_P
