"""What importing a part of the product drags in, seen from a fresh process."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "transformers", "onnx", "onnxscript"}


def loaded_by(statement: str) -> set[str]:
    """Top-level packages in `sys.modules` after a statement."""
    code = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import service.api",
        "import service.api.server",
        "import service.client",
        "import service.wiring",
        "import bpkd_core.infer",
        "import bpkd_core.predictions, bpkd_core.report",
        "from service.wiring import wire; from service.settings import read_settings; "
        "from service.api import create_app; create_app(wire(read_settings(database_url='memory://'))).openapi()",
    ],
)
def test_the_service_loads_no_training_library(statement: str) -> None:
    # the API image carries no torch, and a start costs a second instead of ten
    assert not loaded_by(statement) & HEAVY


def test_the_client_loads_no_server() -> None:
    # a script that submits a job needs neither a web framework nor onnxruntime
    assert not loaded_by("import service.client") & {"fastapi", "starlette", "sqlalchemy", "uvicorn", "onnxruntime"}
