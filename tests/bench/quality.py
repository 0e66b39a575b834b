"""What a quality report costs: `python tests/bench/quality.py [--images 60] [--height 360] [--width 480]`.

Masks of drawn scenes against themselves, moved by three pixels; medians over images, in seconds of one processor (set
OMP_NUM_THREADS=1). The bands of 1 and of 20 px come from one map of distances, so the map is timed for both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from bpkd_core.data import draw_scene
from bpkd_core.data.scenes import CLASSES
from bpkd_core.metrics import counts, evaluate_masks
from bpkd_core.report import render_report, write_report

Pair = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Time the measures, their intervals and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("images", 60), ("height", 360), ("width", 480)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    pairs = [shifted(draw_scene(seed, options.height, options.width).labels_HW) for seed in range(options.images)]
    seconds = [time_of(lambda pair=pair: evaluate_masks([pair], len(CLASSES))) for pair in pairs]
    print(f"all measures: {1000 * statistics.median(seconds):.1f} ms an image of {options.width}x{options.height}")
    for limit in (1, 20):
        print(f"distances up to {limit} px: {1000 * statistics.median(map(band_time(limit), pairs)):.1f} ms")
    quality = evaluate_masks(pairs, len(CLASSES))
    names = [str(index) for index in range(len(pairs))]
    start = time.process_time()
    report = write_report(
        {"model": quality}, title="bench", dataset="drawn", split="test", classes=CLASSES, names=names
    )
    print(f"intervals of every measure, 1,000 draws of {len(pairs)} images: {time.process_time() - start:.2f} s")
    print(f"the page, without pictures: {time_of(lambda: render_report(report)):.2f} s")


def shifted(true_HW: np.ndarray) -> Pair:
    """A prediction that is wrong along every border."""
    predicted = np.roll(true_HW, 3, axis=1)
    return np.where(predicted == 255, 0, predicted), true_HW


def band_time(limit_px: int) -> Callable[[Pair], float]:
    """Times the map of distances that bands up to this width are read from."""

    def of(pair: Pair) -> float:
        labels = np.where(pair[1] == 255, len(CLASSES), pair[1]).astype(np.int8)
        return time_of(lambda: counts.border_distance(labels, void=len(CLASSES), limit_px=limit_px))

    return of


def time_of(work: Callable[[], object]) -> float:
    """Processor seconds of one call, which other work on the machine changes little."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
