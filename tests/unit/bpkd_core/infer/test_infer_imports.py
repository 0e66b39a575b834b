"""What the API image carries."""

from __future__ import annotations

import subprocess
import sys


def test_inference_loads_no_torch_and_no_onnx() -> None:
    """The service would need five gigabytes more and seconds to start."""
    script = (
        "import sys, bpkd_core.infer; "
        "print(sorted({'torch', 'torchvision', 'transformers', 'onnx', 'onnxscript'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
