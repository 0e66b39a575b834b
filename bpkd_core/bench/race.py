"""Timing several ways to do one thing against each other, and the memory that one of them takes."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import torch

Work = Callable[[], object]
PROC = Path("/proc/self")


def race(sides: Mapping[str, Work], device: torch.device, *, rounds: int, seconds: float) -> dict[str, float]:
    """Median seconds of each side. The sides take turns, so that what else the machine does meets all of them.

    One round warms up and is not counted; then follow `rounds`, or as many as fit into `seconds`, and at least two.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    begin = time.perf_counter()
    for number in range(rounds + 1):
        for name, work in sides.items():
            times[name].append(_seconds(work, device))
        if number >= 2 and time.perf_counter() - begin > seconds:
            break
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def _seconds(work: Work, device: torch.device) -> float:
    """By the clock; on one thread of a CPU in time of that thread, whatever else the machine does meanwhile."""
    clock = time.thread_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    _wait(device)
    start = clock()
    work()
    _wait(device)
    return clock() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_bytes(prepare: Callable[[torch.device], Work], warm_up: Callable[[torch.device], Work], device: str) -> int:
    """How far memory rises while what `prepare` returns runs, in a process of its own, above what it began with.

    On a CPU the resident set's high-water mark, on a GPU torch's allocations. warm_up: the same on little data, because
    what is loaded once is nobody's cost. Both functions must be importable by name.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(_measure_peak, prepare, warm_up, device, torch.get_num_threads()).result()


def _measure_peak(
    prepare: Callable[[torch.device], Work], warm_up: Callable[[torch.device], Work], name: str, threads: int
) -> int:
    torch.set_num_threads(threads)
    device = torch.device(name)
    warm_up(device)()
    work = prepare(device)
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    before = _forget_peak()
    work()
    return _peak() - before


def _forget_peak() -> int:
    """Lower the high-water mark to what is resident now, where the kernel allows it, and return it."""
    with suppress(OSError):  # not allowed: what was highest so far is the baseline
        (PROC / "clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """The resident set's high-water mark in bytes. Not ru_maxrss, which begins with that of the parent."""
    line = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
