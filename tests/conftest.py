"""Markers from folders; this file also puts `tests/` on the path, for the fakes."""

from __future__ import annotations

from pathlib import Path

import pytest

MARKED = {"integration", "e2e", "faults", "gpu"}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in MARKED:
            item.add_marker(folder)
