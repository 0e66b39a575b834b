"""An ONNX file with one image as its input: what can be read off it, and how it is run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bpkd_core.errors import InvalidModel, ProviderRefused
from bpkd_core.infer.contract import CONTRACT
from bpkd_core.infer.session import CPU, start

Layout = Literal["nchw", "nhwc"]
AXES: Mapping[Layout, tuple[int, int, int]] = {"nchw": (1, 2, 3), "nhwc": (3, 1, 2)}
"""Where channels, rows and columns are."""

TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


class ForeignFile:
    """An open file.

    values: its input and outputs, as onnxruntime describes them. dtype: of the input; uint8 for a file that takes
    pixels as they are. batch: the images that it takes at once, None for any number. outputs: the names of its outputs.
    is_ours: whether export_onnx wrote it. gives_ids: whether all that it gives are integers.

    Raises InvalidModel for a file that is unsafe or damaged, or does not take one batch of images with 3 channels.
    """

    def __init__(self, model: str | Path | bytes, *, provider: str = CPU, threads: int | None = None) -> None:
        self.threads = threads or os.cpu_count() or 1
        self.run = start(model, (provider,), self.threads)
        self.provider: str = self.run.get_providers()[0]
        if self.provider != provider:
            raise ProviderRefused(
                f"onnxruntime would run on {self.provider} instead of {provider}; mend its installation."
            )
        self.metadata: Mapping[str, str] = self.run.get_modelmeta().custom_metadata_map
        self.is_ours = CONTRACT in self.metadata
        self.values = [*self.run.get_inputs(), *self.run.get_outputs()]
        self.outputs = [each.name for each in self.run.get_outputs()]
        self.gives_ids = all(each.type.startswith(("tensor(int", "tensor(uint")) for each in self.run.get_outputs())
        self._image = _only_image(self.run.get_inputs())
        self.input_name: str = self._image.name
        self.dtype = TYPES[self._image.type]
        self.batch = _fixed(self._image.shape[0])

    @property
    def layouts(self) -> list[Layout]:
        """The layout that the input's shape names by its three channels; both where it names no size."""
        shape = self._image.shape
        named: list[Layout] = [layout for layout, (channels, *_) in AXES.items() if shape[channels] == 3]
        return named or [*AXES]

    def size_hw(self, layout: Layout) -> tuple[int | None, int | None]:
        """Height and width that the file insists on; None for a free one."""
        _, rows, columns = AXES[layout]
        return _fixed(self._image.shape[rows]), _fixed(self._image.shape[columns])

    def ask(self, inputs: NDArray[Any], outputs: list[str]) -> list[NDArray[Any]]:
        """The named outputs for a batch in the file's own layout. Raises InvalidModel where the file fails."""
        size = self.batch or len(inputs)
        parts = [self._ask_once(inputs[start : start + size], size, outputs) for start in range(0, len(inputs), size)]
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _ask_once(self, inputs: NDArray[Any], size: int, outputs: list[str]) -> list[NDArray[Any]]:
        """A file of a fixed batch sees the last image again until the batch is full."""
        full = inputs[np.minimum(np.arange(size), len(inputs) - 1)]
        with _failures_named(full.shape):
            values = self.run.run(outputs, {self.input_name: np.ascontiguousarray(full)})
        arrays = [np.asarray(value) for value in values]
        return [array[: len(inputs)] if array.ndim and len(array) == size else array for array in arrays]

    def run_bound(self, binding: Any, shape: tuple[int, ...]) -> None:
        """Run on memory that is bound already; shape: of the input, to name it. Raises InvalidModel."""
        with _failures_named(shape):
            self.run.run_with_iobinding(binding)


@contextmanager
def _failures_named(shape: tuple[int, ...]) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # onnxruntime raises a dozen unrelated classes
        said = str(error).splitlines()[0]
        reason = "it asks for more memory than there is" if "alloc" in said.lower() else said[:200]
        raise InvalidModel(f"The file cannot run an input of {'x'.join(map(str, shape))} ({reason}).") from error


def _fixed(side: object) -> int | None:
    return side if isinstance(side, int) and side > 0 else None


def _only_image(inputs: Sequence[Any]) -> Any:
    if len(inputs) == 1 and inputs[0].type in TYPES and len(inputs[0].shape) == 4:
        shape = [_fixed(side) for side in inputs[0].shape]
        if shape[1] in (3, None) or shape[3] in (3, None):
            return inputs[0]
    found = "; ".join(f"{each.name}, {each.type} {each.shape}" for each in inputs[:4]) or "no input"
    raise InvalidModel(
        f"The file takes {found}; expected one batch of images, (N, 3, H, W) or (N, H, W, 3), of floats or uint8."
    )
