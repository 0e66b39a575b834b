from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bpkd_core.events import Event
from worker import journal
from worker.journal import Journal

NOW = datetime(2026, 11, 20, 20, 19, tzinfo=UTC)


def begin(folder: Path) -> Journal:
    return Journal(folder, folder / "stderr.log", clock=lambda: NOW)


def test_a_log_tells_stages_messages_and_warnings_with_their_time(tmp_path: Path) -> None:
    """It is read by people who ask what happened when; curves have a table of their own."""
    log = begin(tmp_path)
    log.write(Event("stage", {"stage": "exporting", "state": "finished", "duration_s": 1.5}))
    log.write(Event("metrics", {"stage": "exporting", "step": 1, "total_steps": 2, "values": {}}))
    log.write(Event("warning", {"code": "slow", "message": "one\ncore\x1b[31m"}))
    assert log.path.read_text().splitlines() == [
        "2026-11-20T20:19:00Z stage   exporting finished after 1.5 s",
        "2026-11-20T20:19:00Z warning slow: one core [31m",
    ]


def test_each_attempt_adds_its_own_standard_error_and_why_it_ended(tmp_path: Path) -> None:
    """A traceback is what a failed job is opened for; an earlier attempt's must not stand there twice."""
    (tmp_path / "stderr.log").write_text("of the attempt before\n")
    log = begin(tmp_path)
    with (tmp_path / "stderr.log").open("a") as errors:
        errors.write("Traceback:\n\n\x07MemoryError\n")
    log.close("killed")
    assert log.path.read_text().splitlines() == [
        "| Traceback:",
        "| MemoryError",
        "2026-11-20T20:19:00Z log     the attempt ended: killed",
    ]


def test_the_tail_is_short_and_empty_where_nothing_was_said(tmp_path: Path) -> None:
    """It travels in the job's record."""
    log = begin(tmp_path)
    assert log.tail() == ""
    for number in range(100):
        log.write(Event("log", {"message": f"line {number} " + "x" * 200}))
    assert len(log.tail()) == journal.TAIL_CHARACTERS
    assert "line 99" in log.tail().splitlines()[-1]


def test_a_trainer_gone_wild_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log stops; the training does not."""
    monkeypatch.setattr(journal, "MAX_BYTES", 1000)
    log = begin(tmp_path)
    for _ in range(100):
        log.write(Event("log", {"message": "x" * 100}))
    assert 1000 <= log.path.stat().st_size < 1200
