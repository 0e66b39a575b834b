from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.hints import NoHints
from service.domain.datasets import Dataset
from service.domain.errors import NotFound
from service.settings import read_settings
from service.wiring import Service, wire

HEAVY = ("torch", "fastapi", "starlette", "onnxruntime", "numpy", "celery")


def add(service: Service) -> str:
    return service.datasets.add(Dataset(service.new_id("ds"), "streets", "/data", service.now())).id


def test_the_embedded_default_keeps_what_it_was_told(tmp_path: Path) -> None:
    """A restart finds the records of the run before."""
    first = wire(read_settings(home=tmp_path / "home"))
    first.ping()
    dataset_id = add(first)
    first.close()
    second = wire(read_settings(home=tmp_path / "home"))
    assert second.datasets.get(dataset_id).name == "streets"
    assert isinstance(second.hints, NoHints)
    second.close()


def test_the_store_in_memory_leaves_no_trace(tmp_path: Path) -> None:
    """Two services share nothing, and no file appears."""
    settings = read_settings(home=tmp_path / "home", database_url="memory://")
    first, second = wire(settings), wire(settings)
    dataset_id = add(first)
    with pytest.raises(NotFound):
        second.datasets.get(dataset_id)
    first.ping()
    first.close()
    assert list(tmp_path.iterdir()) == []


def test_ids_and_times_are_fresh(tmp_path: Path) -> None:
    """Ids carry their kind; times carry their zone."""
    service = wire(read_settings(home=tmp_path, database_url="memory://"))
    ids = {service.new_id("job") for _ in range(100)}
    assert len(ids) == 100
    assert {job_id[:4] for job_id in ids} == {"job_"}
    assert service.now().utcoffset() == timedelta(0)
    assert len(service.entropy(20)) == 20


@pytest.mark.parametrize("url", ["memory://", ""])
def test_wiring_loads_no_framework(tmp_path: Path, url: str) -> None:
    """The worker speaks no HTTP, the API carries no training, and both start in a moment."""
    code = (
        "import sys; from service.settings import read_settings; from service.wiring import wire\n"
        f"wire(read_settings(home={str(tmp_path / 'home')!r}, database_url={url!r})).close()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120)
    assert loaded.stdout.strip() == "[]"
