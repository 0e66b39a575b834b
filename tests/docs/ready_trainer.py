"""A trainer with nothing to learn: it hands in a student that is finished, and checks datasets as the real one does.

    python ready_trainer.py distill --spec F --workdir D
    python ready_trainer.py check -- PATH

So the README's commands meet a real API, a real worker and a served model within seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for the fakes, as tests/conftest.py does

from fakes.bundle import FILES, result
from fakes.networks import CLASSES, threshold_onnx

from bpkd_core.__main__ import app, emit
from bpkd_core.bundle import Bundle, ClassInfo, describe, write_atomically
from bpkd_core.events import Event


def distill(spec: Path, workdir: Path) -> None:
    for name in FILES:
        write_atomically(workdir / name, threshold_onnx() if name.endswith(".onnx") else b"{}")
    bundle = Bundle(
        result=result(0.5),
        classes=[ClassInfo.model_validate(each) for each in CLASSES],
        dataset_sha256="d" * 64,
        provenance=json.loads(spec.read_text())["provenance"],
        files={name: describe(workdir / name) for name in FILES},
    )
    bundle.write(workdir)
    emit(Event("done", {"result": bundle.result.model_dump(mode="json")}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["distill", "--spec", spec, "--workdir", workdir]:
            distill(Path(spec), Path(workdir))
        case arguments:
            app(arguments)
