"""Where a result comes from."""

from __future__ import annotations

from importlib.metadata import version

import torch

from bpkd_core.recipe.provenance import versions


def test_the_manifest_names_what_a_result_depends_on() -> None:
    """Bits depend on the versions of what computes them."""
    said = versions()
    assert said["torch"] == version("torch") == torch.__version__.partition("+")[0]
    assert said.keys() >= {"python", "onnx", "onnxruntime-gpu", "numpy"}
