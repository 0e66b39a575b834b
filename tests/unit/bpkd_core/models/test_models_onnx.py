"""The two poolings that the ONNX exporter would freeze at the traced size, at other sizes."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.export import Dim

from bpkd_core.models.dappm import DAPPM
from bpkd_core.models.pspnet import PSPHead


def test_exported_pyramids_are_right_at_sizes_they_were_not_traced_at() -> None:
    """Exported adaptive pooling is silently wrong there, and images of other sizes are the rule in service."""
    torch.manual_seed(0)
    pyramids = nn.Sequential(DAPPM(8, 4, 6), PSPHead(6, 4, 5)).eval()
    sizes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    example = (torch.randn(2, 8, 12, 16),)
    program = torch.onnx.export(pyramids, example, dynamo=True, dynamic_shapes=(sizes,), verbose=False)
    assert program is not None
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for size in ((1, 8, 1, 1), (1, 8, 45, 60), (3, 8, 7, 31)):
        maps = torch.randn(size)
        found, _features = session.run(None, {session.get_inputs()[0].name: maps.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(found, pyramids(maps)[0].numpy(), atol=1e-5)
