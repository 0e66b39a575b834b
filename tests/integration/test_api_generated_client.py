"""A client that a public generator makes of openapi.json, used against a running server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fakes.records import add_ready_dataset
from fakes.servers import ROOT, serving
from fakes.services import memory_service, publish
from PIL import Image

from service.api.__main__ import openapi_text

GENERATOR = ROOT / ".venv-openapi" / "bin"
SESSION = ROOT / "tests" / "fakes" / "generated_session.py"
OVERRIDES = {"content_type_overrides": {"image/png": "application/octet-stream"}}


def run(*command: str | Path) -> str:
    """What a command says; its error output is shown where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(GENERATOR)}, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """The folder of a fresh client. The generator has an environment of its own, because its pins are not ours."""
    if not (GENERATOR / "openapi-python-client").is_file():
        pytest.fail("The generator is not installed; run make generator")
    document, config = tmp_path / "openapi.json", tmp_path / "generator.json"
    document.write_text(openapi_text())
    config.write_text(json.dumps(OVERRIDES))
    target = tmp_path / "bpkd_client"
    options = ("--meta", "none", "--output-path", target, "--config", config, "--fail-on-warning")
    run(GENERATOR / "openapi-python-client", "generate", "--path", document, *options)
    return tmp_path


def test_a_generated_client_drives_the_service(generated: Path, tmp_path: Path) -> None:
    # people integrate in languages that we do not speak; their generators read this document
    service = memory_service(tmp_path / "home", import_roots=(tmp_path,))
    publish(service)
    image = tmp_path / "dark.png"
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(image)
    with serving(service) as url:
        ready = add_ready_dataset(service).id
        told = json.loads(run(GENERATOR / "python", SESSION, generated, url, tmp_path, ready, image))
    assert told == {
        "health": "ok",
        "dataset": "streets",
        "planned": ["pspnet_r18", "ddrnet_23_nano", "ddrnet_23_nano"],
        "once": True,
        "lambda_edge": 30.0,
        "status": ["queued", "cancelled", "cancelled"],
        "listed": True,
        "events": ["status", "status", "done"],
        "problem": ["Problem", "unknown_name", "#/student/arch"],
        "models": ["street"],
        "mask": ["street", "dark"],
    }
