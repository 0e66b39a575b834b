from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from worker.output import Lines, last_line


@given(text=st.text(st.characters(exclude_characters="\n", codec="utf-8")), cuts=st.lists(st.integers(0, 50)))
def test_a_line_is_whole_however_the_pipe_cuts_it(text: str, cuts: list[int]) -> None:
    """A pipe cuts where it likes, in the middle of a character too."""
    data, lines, heard = f"{text}\n".encode(), Lines(), []
    for cut in cuts:
        heard += lines.feed(data[:cut])
        data = data[cut:]
    assert heard + lines.feed(data) == [text]


def test_several_lines_in_one_block_come_in_order_and_the_unfinished_one_waits() -> None:
    """Events must neither swap nor come in halves."""
    lines = Lines()
    assert lines.feed(b"one\ntwo\nthr") == ["one", "two"]
    assert lines.feed(b"ee\n") == ["three"]


def test_a_line_beyond_the_limit_is_dropped_and_the_next_one_is_heard() -> None:
    """A child that writes without ever ending a line must not fill the worker's memory."""
    lines = Lines(limit=8)
    for _ in range(1000):
        assert lines.feed(b"xxxx") == []
        assert len(lines._rest) <= 8
    assert lines.feed(b"\nheard\n") == ["heard"]


def test_a_line_of_exactly_the_limit_is_kept() -> None:
    """The limit says what is kept, not what is dropped."""
    assert Lines(limit=4).feed(b"four\nfiver\n") == ["four"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    """Garbage is dropped later, where lines are read as events; here it only must not raise."""
    assert Lines().feed(b"\xff\xfe\n") == ["\ufffd\ufffd"]


def test_the_last_words_leave_out_blank_lines_and_control_characters(tmp_path: Path) -> None:
    """They go into a message that people read in a terminal."""
    log = tmp_path / "stderr.log"
    log.write_bytes(b"Traceback\n\x1b[31mMemoryError: no\x00 more\x07\n\n  \n")
    assert last_line(log) == "[31mMemoryError: no more"


def test_the_last_words_of_a_huge_line_are_cut(tmp_path: Path) -> None:
    """A message is a sentence, not a log."""
    log = tmp_path / "stderr.log"
    log.write_bytes(b"x" * 100_000)
    assert last_line(log) == "x" * 300


def test_an_empty_log_has_no_last_words(tmp_path: Path) -> None:
    """SIGKILL leaves none."""
    log = tmp_path / "stderr.log"
    log.touch()
    assert last_line(log) == ""


def test_a_log_that_was_swept_away_has_no_last_words(tmp_path: Path) -> None:
    """The child works in the log's folder and may do as it likes there."""
    assert last_line(tmp_path / "stderr.log") == ""
