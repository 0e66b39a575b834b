"""What README and quickstart tell people to type, typed: every block that is marked `<!-- tested -->`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from blocks import script
from fakes.servers import free_port
from PIL import Image

from bpkd_core.data import write_scenes
from bpkd_core.infer import Session

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
TRAINER = Path(__file__).with_name("ready_trainer.py")
DEADLINE_S = 1500.0

READY = "until curl -sf $BPKD_URL/readyz; do sleep 1; done"
REAL_SERVER = f"python -m service.api &\npython -m worker &\n{READY}\n"
SERVER = f'python -m service.api &\npython -m worker --trainer "python {TRAINER}" &\n{READY}\n'


@pytest.mark.timeout(1800)
def test_the_quickstart_leads_to_a_served_mask(tmp_path: Path) -> None:
    # the first thing that a newcomer tries; everything in it is real, the training too
    said = run(script(ROOT / "docs" / "quickstart.md"), tmp_path)
    image = np.asarray(Image.open(tmp_path / "street" / "images" / "test" / "00000.jpg"))
    mask = np.asarray(Image.open(tmp_path / "mask.png"))
    assert np.array_equal(mask, Session(tmp_path / "student.onnx").predict(image)), said
    assert np.asarray(Image.open(tmp_path / "overlay.png")).shape == (96, 128, 3)
    assert "succeeded" in said
    assert said.rstrip().endswith("Stopped")


@pytest.mark.timeout(1800)
def test_the_readme_submits_a_job_and_gets_a_mask(tmp_path: Path) -> None:
    # its job takes half an hour, so a trainer stands in that hands in a finished student; all else is real
    write_scenes(tmp_path / "my-data", train=3, val=1, test=1, height=64, width=96)
    shutil.copy(tmp_path / "my-data" / "images" / "test" / "00000.jpg", tmp_path / "photo.jpg")
    said = run(SERVER + script(ROOT / "README.md"), tmp_path)
    red = np.asarray(Image.open(tmp_path / "photo.jpg"))[:, :, 0]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "mask.png")), red >= 128), said
    assert "street@1 (64, 96)" in said


def run(lines: str, folder: Path) -> str:
    """Run a script in a folder, against a port of its own, and return what it said. Nothing survives it."""
    port = free_port()
    prelude = f"""
        unset ${{!BPKD_@}}
        export PATH={Path(sys.executable).parent}:$PATH BPKD_HOME=$PWD/home BPKD_IMPORT_ROOTS=$PWD
        export BPKD_PORT={port} BPKD_URL=http://127.0.0.1:{port}
    """
    output = folder / "said.txt"  # not a pipe, which a server in the background would hold open
    with output.open("w") as file:
        shell = subprocess.Popen(
            ["bash", "-c", prelude + lines.replace(":8400", f":{port}")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        code = shell.wait(DEADLINE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):  # nobody left
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    assert code == 0, output.read_text()[-5000:]
    return output.read_text()
