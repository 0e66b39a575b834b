"""How long one image takes, on the provider that really runs."""

from __future__ import annotations

import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpkd_core.bundle import Latency


class Predictor(Protocol):
    """What gives a mask (H, W) for an image (H, W, 3), and says on what it runs."""

    provider: str
    threads: int

    def predict(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]: ...  # noqa: D102 - said above


def measure_latency(session: Predictor, hw: tuple[int, int], *, runs: int = 50, warmup: int = 5) -> Latency:
    """Milliseconds for one image of this size. It is noise, the worst case for the boundary-only upsampling."""
    image = np.random.default_rng(0).integers(0, 256, (*hw, 3), dtype=np.uint8)
    for _ in range(warmup):
        session.predict(image)
    times_ms = [_once_ms(session, image) for _ in range(runs)]
    p50, p95, p99 = np.percentile(times_ms, (50, 95, 99)).tolist()
    return Latency(
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        provider=session.provider,
        threads=session.threads,
        height=hw[0],
        width=hw[1],
    )


def _once_ms(session: Predictor, image_HW3: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    session.predict(image_HW3)
    return (time.perf_counter() - start) * 1e3
