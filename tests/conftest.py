"""Markers from folders, golden files; this file also puts `tests/` on the path, for the fakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MARKED = {"integration", "e2e", "faults", "gpu"}
HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the files that pin our public surface")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in MARKED:
            item.add_marker(folder)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """`golden(path, text)` compares a text with the file that pins it; with --golden it writes the file first."""
    rewrite = request.config.getoption("--golden")

    def check(path: Path, text: str) -> None:
        if rewrite:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; `make golden` writes it"
        assert text == path.read_text(encoding="utf-8"), f"{path} is old; read the diff after `make golden`"

    return check
