"""F24: hostile teacher files, sent over HTTP to a server whose worker probes them with the product's own command.

Each ends as a sentence on a refused teacher. The worker takes the next one: the fixture fails if it did not live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import hostile
from fakes.teaching import Send, refusal, teaching

TIMEOUT_S = 5.0


@pytest.fixture(scope="module")
def send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Send]:
    with teaching(tmp_path_factory.mktemp("home"), probe_timeout_s=TIMEOUT_S) as send:
        yield send


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (hostile.endless, f"it took longer than {TIMEOUT_S:g} s"),
        (hostile.huge, "asks for more memory than there is"),
        (hostile.external, "keeps weights in another file"),
        (hostile.trojan, "operators of the domain 'com.example'"),
        (hostile.absurd, "onnxruntime refuses the model"),
    ],
)
def test_a_file_that_means_harm_is_refused_with_a_sentence(
    send: Send, tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    """What it does happens in a child that has little memory, little time and none of our secrets."""
    assert said in refusal(send(make(tmp_path / "theirs.onnx")))


def test_a_program_is_never_run_whatever_it_is_called(send: Send, tmp_path: Path) -> None:
    """A pickle in disguise, as an ONNX file and as weights."""
    path, mark = hostile.pickled(tmp_path / "theirs.onnx", tmp_path / "mark"), tmp_path / "mark"
    assert "no ONNX" in refusal(send(path))
    said = refusal(send(path, type="checkpoint", arch="ddrnet_23_nano"))
    assert "damaged or holds no weights" in said
    assert not mark.exists()


def test_a_bomb_of_weights_is_not_unpacked(send: Send, tmp_path: Path) -> None:
    """A zip a thousand times smaller than what it holds."""
    path = hostile.deflated(tmp_path / "theirs.pth")
    said = refusal(send(path, type="checkpoint", arch="ddrnet_23_nano"))
    assert "is compressed and would unpack to 67108864 bytes" in said
