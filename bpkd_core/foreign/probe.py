"""Try a foreign teacher on labelled images before an hour is spent on it, in a process that may come to harm.

The child opens the file, finds its layout and its scores, and reads it in each usual setting. What a setting is worth
is measured and not guessed: the mIoU of its cells against the labels at their centres.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from bpkd_core.data.base import Sample, SegmentationDataset
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.child import Kind, Request, meet_file, try_file
from bpkd_core.foreign.findings import Probe
from bpkd_core.sandbox import ChildFailed, run_limited
from bpkd_core.spec.networks import OnnxTeacher

T = TypeVar("T")
IMAGES = 8
TIMEOUT_S = 600.0
GIB = 1 << 30


def probe_file(
    teacher: OnnxTeacher,
    data: SegmentationDataset,
    *,
    crops: tuple[int, int, int] | None = None,
    search: bool = True,
    timeout_s: float = TIMEOUT_S,
) -> Probe:
    """Try a teacher's file on images of `data`, spread evenly, in a limited child process.

    search: whether other settings than the likeliest are tried; without it the answer is quick and says nothing of
    normalisation and order. Raises InvalidModel for a file that is unsafe, endless or no teacher at all, InvalidSpec
    for a class map that does not fit; what is wrong by its numbers is in the findings.
    """
    samples = choose(data, IMAGES if search else 1)
    request = Request(teacher=teacher, classes=list(data.classes), crops=crops, search=search)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npz"
        arrays = {f"{kind}{index}": array for index, each in enumerate(samples) for kind, array in _arrays(each)}
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]  # its stubs take the names for options
        asked = request.model_dump(mode="json")
        found = _in_child(try_file, teacher.path, str(path), asked, timeout_s=timeout_s)
    return Probe.model_validate(found)


def introduce(path: Path, size_hw: tuple[int, int], *, timeout_s: float = TIMEOUT_S) -> Kind:
    """What a file gives, found in a limited child process, so that it may be opened here.

    size_hw: of the images that it will be asked about. Raises InvalidModel for a file that is unsafe, endless or takes
    no images.
    """
    return _in_child(meet_file, path, *size_hw, timeout_s=timeout_s)


def _in_child(function: Callable[..., T], path: Path, *args: Any, timeout_s: float) -> T:
    """Call a function on the file where it may come to harm. Raises InvalidModel."""
    try:
        memory_bytes = 4 * GIB + 4 * path.stat().st_size
        return run_limited(function, str(path.absolute()), *args, memory_bytes=memory_bytes, timeout_s=timeout_s)
    except OSError as error:
        raise InvalidModel(
            f"{path} cannot be read ({error.strerror}); expected an ONNX file.", param="teacher.path"
        ) from error
    except ChildFailed as error:
        raise InvalidModel(
            f'"{path.name}" cannot be tried: {error.reason}; expected an ONNX file that answers to an image in a few '
            "seconds.",
            param="teacher.path",
        ) from error


def choose(data: SegmentationDataset, count: int) -> list[Sample]:
    """So many samples, spread evenly over the dataset."""
    rows = np.linspace(0, len(data) - 1, min(count, len(data))).astype(int)
    return [data[int(row)] for row in rows]


def _arrays(sample: Sample) -> list[tuple[str, Any]]:
    return [("image", sample.image_HW3), ("labels", sample.labels_HW)]
