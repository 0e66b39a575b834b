"""The client is written once: the one without `async` is made from the one with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sync_source import CLIENT, sync_file


@pytest.mark.parametrize("source", sorted((CLIENT / "aio").glob("*.py")), ids=lambda source: source.stem)
def test_the_synchronous_client_says_the_same_as_the_asynchronous_one(
    source: Path, golden: Callable[[Path, str], None]
) -> None:
    # two clients that are kept alike by hand drift apart
    golden(*sync_file(source))


def test_nothing_else_lies_beside_it() -> None:
    # a file whose source is gone would be a method that only one of the two clients has
    assert {path.name for path in (CLIENT / "sync").glob("*.py")} == {
        path.name for path in (CLIENT / "aio").glob("*.py")
    }
