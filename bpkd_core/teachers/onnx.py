"""A teacher that onnxruntime runs, in the middle of a training step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.foreign.file import ForeignFile
from bpkd_core.foreign.reading import Reading, identity
from bpkd_core.foreign.scores import PROBABILITY_FLOOR, UNKNOWN_BELOW
from bpkd_core.infer.session import CPU
from bpkd_core.models.base import Outputs
from bpkd_core.spec.foreign import Pixels

CUDA = "CUDAExecutionProvider"
TYPES = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
    "tensor(uint8)": torch.uint8,
}


class OnnxTeacher:
    """A foreign file as its probe has read it; pixels and scores stay on the device, where onnxruntime finds them.

    enlarge: by how much the crops are reduced, which is undone here (D): the file was trained on images of full size,
        and a student that sees reduced ones learns what is said of objects at their usual size.

    On a CPU onnxruntime takes as many threads as torch and lets them sleep between two steps, for the two never work at
    the same time. Raises InvalidModel, and ProviderRefused where CUDA is asked for and would not run.
    """

    feature_channels = None

    def __init__(self, model: str | Path | bytes, reading: Reading, *, device: torch.device, enlarge: int = 1) -> None:
        self.reading = reading
        self.device = device
        self.enlarge = enlarge
        provider = CUDA if device.type == "cuda" else CPU
        self.file = ForeignFile(model, provider=provider, threads=torch.get_num_threads())
        self._fixed_hw = self.file.size_hw(reading.input.layout)
        self._output = reading.output.name or self.file.outputs[0]
        self._types = {each.name: TYPES[each.type] for each in self.file.values if each.type in TYPES}
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    @property
    def num_classes(self) -> int:
        """The dataset's, those that the file does not know included."""
        return len(self.reading.channels)

    @torch.no_grad()
    def look(self, images_N3HW: Tensor) -> Outputs:
        """Score uint8 RGB crops, resized to the file's own size where it insists on one.

        A class that the file does not know lies far below all others.
        """
        inputs = to_inputs(self._fit(images_N3HW), self.reading.input, self._types[self.file.input_name])
        size = self.file.batch or len(inputs)
        said = torch.cat([self._ask(part, size) for part in inputs.split(size)])
        return Outputs(self._to_classes(self._to_logits(said)))

    def _fit(self, images_N3HW: Tensor) -> Tensor:
        """The crops at the size at which the file is to see them."""
        height, width = (
            fixed or side * self.enlarge for side, fixed in zip(images_N3HW.shape[2:], self._fixed_hw, strict=True)
        )
        if images_N3HW.shape[2:] == (height, width):
            return images_N3HW
        resized = F.interpolate(images_N3HW.float(), (height, width), mode="bilinear", antialias=True)
        return resized.round().clamp(0, 255).to(torch.uint8)

    def _ask(self, inputs: Tensor, size: int) -> Tensor:
        """One run on memory that torch owns; the first of a shape learns how large the answer is."""
        count = len(inputs)
        inputs = inputs[torch.arange(size, device=inputs.device).clamp(max=count - 1)].contiguous()
        binding = self.file.run.io_binding()
        place = (self.device.type, self.device.index or 0)
        dtype = self.file.dtype
        binding.bind_input(self.file.input_name, *place, dtype, tuple(inputs.shape), inputs.data_ptr())
        shape = self._shapes.get(tuple(inputs.shape))
        if shape is None:
            binding.bind_output(self._output, "cpu")
            self._run(binding, tuple(inputs.shape))
            said = torch.from_numpy(binding.copy_outputs_to_cpu()[0]).to(self.device)
            self._shapes[tuple(inputs.shape)] = tuple(said.shape)
            return said[:count]
        said = torch.empty(shape, dtype=self._types[self._output], device=self.device)
        numpy_type = torch.empty(0, dtype=said.dtype).numpy().dtype
        binding.bind_output(self._output, *place, numpy_type, shape, said.data_ptr())
        self._run(binding, tuple(inputs.shape))
        return said[:count]

    def _run(self, binding: Any, shape: tuple[int, ...]) -> None:
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()  # onnxruntime has a stream of its own
        self.file.run_bound(binding, shape)

    def _to_logits(self, said: Tensor) -> Tensor:
        """As bpkd_core.foreign.scores.to_logits, which a test holds it to."""
        logits = (said if self.reading.output.layout == "nchw" else said.permute(0, 3, 1, 2)).float()
        return logits.clamp(min=PROBABILITY_FLOOR).log() if self.reading.output.kind == "probabilities" else logits

    def _to_classes(self, logits_NKhw: Tensor) -> Tensor:
        """As bpkd_core.foreign.scores.to_classes."""
        channels = self.reading.channels
        if channels == identity(logits_NKhw.shape[1]):
            return logits_NKhw
        unknown = torch.full_like(logits_NKhw[:, 0], float(logits_NKhw.min()) - UNKNOWN_BELOW)
        planes = [logits_NKhw[:, list(own)].logsumexp(1) if own else unknown for own in channels]
        return torch.stack(planes, dim=1)


def to_inputs(images_N3HW: Tensor, pixels: Pixels, dtype: torch.dtype) -> Tensor:
    """uint8 RGB to what a file expects, as bpkd_core.foreign.pixels.prepare."""
    values = images_N3HW
    if dtype is not torch.uint8:
        mean, std = (torch.tensor(each, device=values.device).view(3, 1, 1) for each in (pixels.mean, pixels.std))
        values = ((values / pixels.scale - mean) / std).to(dtype)
    if pixels.color == "bgr":
        values = values.flip(1)
    return values if pixels.layout == "nchw" else values.permute(0, 2, 3, 1)
