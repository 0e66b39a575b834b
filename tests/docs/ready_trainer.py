"""A trainer with nothing to learn: it hands in a student that is finished, and checks datasets as the real one does.

    python ready_trainer.py distill --spec F --workdir D
    python ready_trainer.py check -- PATH

So the README's commands meet a real API, a real worker and a served model within seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))  # for the fakes, as tests/conftest.py does

from fakes.bundle import FILES, result
from fakes.networks import CLASSES, threshold_onnx

from bpkd_core.__main__ import app, emit
from bpkd_core.bundle import Bundle, ClassInfo, describe, write_atomically
from bpkd_core.data import FolderDataset
from bpkd_core.evaluation import evaluate
from bpkd_core.events import Event
from bpkd_core.report import Report, save_report, write_report


def distill(spec: Path, workdir: Path) -> None:
    asked = json.loads(spec.read_text())
    for name in FILES:
        write_atomically(workdir / name, threshold_onnx() if name.endswith(".onnx") else b"{}")
    save_report(report(asked), workdir / "quality.json")
    bundle = Bundle(
        result=result(0.5),
        classes=[ClassInfo.model_validate(each) for each in CLASSES],
        dataset_sha256="d" * 64,
        provenance=asked["provenance"],
        files={name: describe(workdir / name) for name in FILES},
    )
    bundle.write(workdir)
    emit(Event("done", {"result": bundle.result.model_dump(mode="json")}))


def report(asked: dict[str, Any]) -> Report:
    """How good it is to call what is bright by the last class, and all else by the first."""
    data = FolderDataset(Path(asked["dataset"]), "test")
    last = len(data.classes) - 1
    quality = evaluate(lambda _, image: (image[..., 0] >= 128) * last, data)
    return write_report(
        {"student": quality}, title=asked["name"], dataset="d", split="test", classes=data.classes, names=data.names
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["distill", "--spec", spec, "--workdir", workdir]:
            distill(Path(spec), Path(workdir))
        case arguments:
            app(arguments)
