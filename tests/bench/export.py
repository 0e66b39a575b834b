"""Every network of the catalog exported, and its file compared with torch.

Run `PYTHONPATH=tests python tests/bench/export.py`, with names to choose among the networks. It prints what the export
takes in CPU time, how large the file is, and over five sizes other than the traced one, batches of one and two, noise
and smooth images: the largest difference of two logits, the largest logit, and the shares of cells of the logits and
of pixels of the mask whose class is the same.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from fakes.tiny import named
from references.openmmlab import redraw

from bpkd_core import catalog
from bpkd_core.export import check_parity, export_onnx
from bpkd_core.models import build

NUM_CLASSES = 19
SIZES = ((32, 64), (96, 160), (65, 250), (97, 131), (224, 288))


def main() -> None:
    """Print one line per network."""
    for name in sys.argv[1:] or sorted(catalog.MODELS):
        net = build(name, num_classes=NUM_CLASSES).eval()
        redraw(net)
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            info = export_onnx(net, Path(folder) / "net.onnx", classes=named(NUM_CLASSES))
            seconds = time.process_time() - start
            parity = check_parity(net, info.path, sizes=SIZES, batches=(1, 2))
        print(
            f"{name:20} export {seconds:5.1f} s {info.size_bytes / 2**20:6.1f} MiB   logits differ by "
            f"{parity.max_abs_logit_diff:.1e} of {max(case.logit_scale for case in parity.cases):6.2f}   "
            f"cells agree {parity.argmax_agreement:.4%}   pixels {parity.mask_agreement:.4%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
