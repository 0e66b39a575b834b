from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import read_settings
from service.wiring import Service, wire


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = wire(read_settings(home=tmp_path / "home", database_url="memory://"))
    yield service
    service.close()
