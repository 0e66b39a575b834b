from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fakes.colours import Blocks, colour_teacher

from bpkd_core.foreign import Reading
from bpkd_core.foreign.reading import identity
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.teachers import OnnxTeacher

CROPS = torch.from_numpy(np.stack([sample.image_HW3 for sample in Blocks(3).samples])).permute(0, 3, 1, 2)


@pytest.mark.parametrize("size", [("n", "h", "w"), (2, "h", "w"), (1, 128, 192)])
def test_an_onnx_teacher_says_on_a_gpu_what_it_says_on_a_cpu(tmp_path: Path, size: tuple[int | str, ...]) -> None:
    """Crops and scores stay on the device; onnxruntime has a stream of its own there, and must not read too early."""
    path = colour_teacher(tmp_path / "theirs.onnx", kind="probabilities", size=size)
    reading = Reading(input=Pixels(), output=Scores(kind="probabilities"), channels=identity(5))
    expected = OnnxTeacher(path, reading, device=torch.device("cpu")).look(CROPS).logits
    teacher = OnnxTeacher(path, reading, device=torch.device("cuda"))
    for _ in range(3):
        said = teacher.look(CROPS.to("cuda")).logits
        assert said.is_cuda
        assert torch.allclose(said.cpu(), expected, atol=1e-3)
