"""`bpkd bench`: what its child process says is said in the words of the library."""

from __future__ import annotations

import pytest

from bpkd_core.errors import InvalidInput
from service.cli.commands.bench import measure


def test_an_error_of_the_child_is_the_callers() -> None:
    """A wrong option is answered with a sentence, not with the last line of a traceback."""
    with pytest.raises(InvalidInput, match='The device is "banana"') as caught:
        measure("loss", "--device", "banana")
    assert caught.value.param == "device"
