from __future__ import annotations

import subprocess
import sys

import pytest

from worker.__main__ import main


def test_celery_without_a_broker_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would wait for hints that nobody can send."""
    monkeypatch.delenv("BPKD_REDIS_URL", raising=False)
    assert main(["--celery"]) == 2
    assert "BPKD_REDIS_URL" in capsys.readouterr().err


def test_a_wrong_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody reads a traceback in the logs of a container that restarts every second."""
    monkeypatch.setenv("BPKD_LEASE_S", "soon")
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("BPKD_LEASE_S: ")


def test_a_worker_that_polls_loads_neither_torch_nor_celery_nor_http() -> None:
    """CUDA is never touched in the parent, and an embedded worker starts in a moment."""
    code = "import sys, worker.__main__; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).split())
    assert "worker.runner" in loaded
    assert not loaded & {"torch", "celery", "kombu", "fastapi", "onnxruntime"}
