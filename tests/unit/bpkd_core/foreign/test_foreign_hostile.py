"""Files that mean harm are opened in a child process: what they do there ends as a sentence here."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fakes.colours import CLASSES, Blocks, colour_teacher
from fakes.hostile import absurd, endless, external, huge, trojan

from bpkd_core.errors import InvalidModel
from bpkd_core.foreign import Probe, probe_file
from bpkd_core.spec import OnnxTeacher

DATA = Blocks(1)


def probe(path: Path, timeout_s: float = 60) -> Probe:
    return probe_file(OnnxTeacher(path=path), DATA, search=False, timeout_s=timeout_s)


def test_an_endless_loop_ends_with_the_time_that_it_was_given(tmp_path: Path) -> None:
    """A loop of 2^62 rounds is two hundred bytes, and no one can tell it from a slow network by looking."""
    path = endless(tmp_path / "endless.onnx")
    start = time.monotonic()
    with pytest.raises(InvalidModel, match=r'"endless.onnx" cannot be tried: it took longer than 6 s'):
        probe(path, timeout_s=6)
    assert time.monotonic() - start < 30


def test_a_file_that_asks_for_more_memory_than_there_is_takes_none_of_ours(tmp_path: Path) -> None:
    """Two hundred bytes that make a hundred gigabytes of zeros."""
    with pytest.raises(InvalidModel, match="asks for more memory than there is"):
        probe(huge(tmp_path / "huge.onnx"))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    """onnxruntime would follow the name to any file that it may read."""
    with pytest.raises(InvalidModel, match="keeps weights in another file; save it as one file"):
        probe(external(tmp_path / "theirs.onnx"))


def test_operators_of_nobody_knows_whom_are_refused(tmp_path: Path) -> None:
    """Whatever is registered under that domain would run."""
    with pytest.raises(InvalidModel, match=r"operators of the domain 'com\.example'"):
        probe(trojan(tmp_path / "theirs.onnx"))


def test_an_absurd_opset_is_refused(tmp_path: Path) -> None:
    """By onnxruntime itself, in its own words."""
    with pytest.raises(InvalidModel, match="onnxruntime refuses the model"):
        probe(absurd(tmp_path / "theirs.onnx"))


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"PK\x03\x04", b"\x0a" * 99])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Pickles, archives and nothing at all, whatever their names say."""
    (tmp_path / "theirs.onnx").write_bytes(content)
    with pytest.raises(InvalidModel, match=r"no ONNX"):
        probe(tmp_path / "theirs.onnx")


def test_an_honest_file_is_read_in_the_child_as_it_is_here(tmp_path: Path) -> None:
    """The limits are wide enough for what they are meant to let through."""
    found = probe_file(OnnxTeacher(path=colour_teacher(tmp_path / "theirs.onnx")), DATA)
    assert (found.miou, found.findings) == (1.0, [])
    assert len(found.reading.known) == len(CLASSES)
