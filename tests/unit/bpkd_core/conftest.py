"""Ten drawn scenes on disk and networks of a few hundred weights, for all tests of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.specks import install, write_specks


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that is only read."""
    return write_specks(tmp_path_factory.mktemp("data") / "scenes")


@pytest.fixture(scope="module")
def specks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The networks `speck` and `speck_teacher`, as an installed package brings them."""
    with pytest.MonkeyPatch.context() as patch:
        for folder in install(tmp_path_factory.mktemp("package")):
            patch.syspath_prepend(folder)
        yield
