"""The how-to pages of whoever runs a server for others, typed as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import script
from fakes.servers import free_port
from test_docs_blocks import SERVER, run

from bpkd_core.data import write_scenes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
HOWTO = Path(__file__).parents[2] / "docs" / "howto"
DATASET = """
bpkd datasets create street
dataset=$(bpkd datasets list --json | python -c "import json, sys; print(json.load(sys.stdin)['data'][0]['id'])")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a dataset in it."""
    write_scenes(tmp_path / "street", train=3, val=1, test=1, height=64, width=96)
    return tmp_path


def test_a_receiver_is_told_checks_the_signature_and_gets_a_replay(folder: Path) -> None:
    # the receiver of the page is a real one; a message that it missed arrives after all
    page = script(HOWTO / "webhooks.md").replace("9000", str(free_port()))
    said = run("export BPKD_WEBHOOK_PRIVATE_HOSTS=127.0.0.1\n" + SERVER + DATASET + page, folder)
    assert said.count("received ping") == 2
    assert "received job.succeeded {'job': 'job_" in said
    assert "Connect" in said or "connect" in said


def test_keys_open_what_they_are_for(folder: Path) -> None:
    # a key that may too little says so, and one that was revoked opens nothing
    first = "export BPKD_AUTH=required\nbpkd keys create first\n"
    said = run(first + SERVER + script(HOWTO / "api-keys.md"), folder)
    assert 'The API key \\"camera\\" has the scopes infer; this needs read' in said
    assert "No API key was sent" in said
    assert "401" in said.splitlines()  # the server's log goes to the same place


def test_a_job_is_found_in_mlflow_and_tensorboard(folder: Path) -> None:
    # read back with MLflow's own client
    settings = "export BPKD_MLFLOW_TRACKING_URI=sqlite:///$PWD/mlflow.db BPKD_TENSORBOARD_DIR=$PWD/curves\n"
    said = run(settings + SERVER + DATASET + script(HOWTO / "track-runs.md"), folder)
    assert "street-fast FINISHED job_" in said
    assert "events.out.tfevents" in said
