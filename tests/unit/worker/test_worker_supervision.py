from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from service.domain.errors import FenceLost, StorageFull, Unavailable
from worker.child import Child
from worker.supervision import Ending, Limits, Reason, Supervision

UP = "import signal, sys; print('up', flush=True)"
WAIT = f"{UP}; signal.pause()"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}"
SAVE = f"import signal; signal.signal(signal.SIGTERM, lambda *_: exit(75)); {WAIT}"
QUICK = Limits(heartbeat_s=0, news_s=0, tick_s=0.01)
PATIENT = Limits(heartbeat_s=1e9, news_s=1e9, lease_s=1e9, stall_s=1e9, grace_s=1e9, tick_s=0.01)


@dataclass
class Diary:
    """A listener that writes down what it hears; `answer` is what its heartbeat says."""

    answer: Callable[[], bool] = lambda: False
    lines: list[str] = field(default_factory=list)
    beats: int = 0
    news: bool = False

    def hear(self, line: str) -> None:
        self.lines.append(line)

    def beat(self) -> bool:
        self.beats += 1
        return self.answer()


@contextmanager
def python(code: str, folder: Path) -> Iterator[Child]:
    with Child([sys.executable, "-c", code], folder=folder, log=folder / "stderr.log") as child:
        yield child


def leaping(step_s: float) -> Callable[[], float]:
    """A clock that leaps with every look at it."""
    times = count(0, step_s)
    return lambda: float(next(times))


def never() -> bool:
    return False


def test_lines_are_relayed_until_the_child_has_ended(tmp_path: Path) -> None:
    """The plain case: everything said is heard, and the exit code is the answer."""
    diary = Diary()
    with python("print('one'); print('two'); exit(3)", tmp_path) as child:
        ending = Supervision(child, diary, draining=never, limits=PATIENT).run()
    assert (ending, diary.lines) == (Ending(Reason.ENDED, 3), ["one", "two"])


def test_a_cancelled_child_is_asked_and_its_exit_code_reported(tmp_path: Path) -> None:
    """Cancelling is polite: the trainer writes its checkpoint first."""
    diary = Diary()
    diary.answer = lambda: "up" in diary.lines
    with python(SAVE, tmp_path) as child:
        ending = Supervision(child, diary, draining=never, limits=QUICK).run()
    assert ending == Ending(Reason.CANCELLED, 75)


def test_a_draining_worker_asks_its_child_to_stop(tmp_path: Path) -> None:
    """SIGTERM to the worker ends in a checkpoint, not in a loss."""
    diary = Diary()
    with python(SAVE, tmp_path) as child:
        ending = Supervision(child, diary, draining=lambda: "up" in diary.lines, limits=PATIENT).run()
    assert ending == Ending(Reason.DRAINED, 75)


def test_a_child_that_will_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    """A worker that shuts down ends; a deaf trainer does not hold it."""
    diary, limits = Diary(), Limits(heartbeat_s=1e9, lease_s=1e9, stall_s=1e9, grace_s=0.05, tick_s=0.01)
    with python(DEAF, tmp_path) as child:
        ending = Supervision(child, diary, draining=lambda: "up" in diary.lines, limits=limits).run()
    assert ending == Ending(Reason.DRAINED, -signal.SIGKILL)


def test_a_silent_child_counts_as_hung(tmp_path: Path) -> None:
    """A trainer in a deadlock beats no heart of its own, so its silence must be what tells."""
    limits = Limits(heartbeat_s=1e9, lease_s=1e9, stall_s=1800, grace_s=60, tick_s=0.01)
    with python(WAIT, tmp_path) as child:
        ending = Supervision(child, Diary(), draining=never, limits=limits, clock=leaping(1000)).run()
    assert ending.reason is Reason.STALLED


def test_a_child_that_keeps_talking_is_not_hung(tmp_path: Path) -> None:
    """The limit is for silence, not for length: each line starts it anew."""
    limits = Limits(heartbeat_s=1e9, lease_s=1e9, stall_s=10, tick_s=60)
    with python("for i in range(200): print(i, flush=True)", tmp_path) as child:
        ending = Supervision(child, Diary(), draining=never, limits=limits, clock=leaping(1)).run()
    assert ending == Ending(Reason.ENDED, 0)


def test_whoever_lost_the_fence_kills_at_once(tmp_path: Path) -> None:
    """Somebody else trains this job now; two trainers on one GPU help nobody, so no grace is given."""
    diary = Diary()

    def answer() -> bool:
        if "up" in diary.lines:
            raise FenceLost("gone")
        return False

    diary.answer = answer
    with python(DEAF, tmp_path) as child:
        ending = Supervision(child, diary, draining=never, limits=QUICK).run()
    assert ending == Ending(Reason.LOST, -signal.SIGKILL)


@pytest.mark.parametrize("error", [Unavailable("away"), StorageFull("full")])
def test_a_store_that_is_away_for_less_than_a_lease_is_borne(tmp_path: Path, error: Exception) -> None:
    """A restart of the database must not cost a training."""
    answers = iter([error, error, False])
    diary = Diary()

    def answer() -> bool:
        match next(answers, True):
            case Exception() as away:
                raise away
            case cancel:
                return cancel

    diary.answer = answer
    with python(WAIT, tmp_path) as child:
        ending = Supervision(child, diary, draining=never, limits=QUICK).run()
    assert ending.reason is Reason.CANCELLED
    assert diary.beats >= 4  # two that failed, two that were answered, and more if the child takes long to end


def test_a_store_that_is_away_for_a_lease_means_the_work_is_lost(tmp_path: Path) -> None:
    """By then the reaper may have given it to somebody else, who cannot be asked."""

    def away() -> bool:
        raise Unavailable("away")

    limits = Limits(heartbeat_s=15, lease_s=60, tick_s=0.01)
    with python(WAIT, tmp_path) as child:
        ending = Supervision(child, Diary(away), draining=never, limits=limits, clock=leaping(5)).run()
    assert ending.reason is Reason.LOST


def test_the_heart_beats_while_a_child_winds_up(tmp_path: Path) -> None:
    """Writing a checkpoint may take a minute, and the lease must hold meanwhile."""
    diary = Diary()
    beats_at_stop: list[int] = []

    def draining() -> bool:
        if "up" in diary.lines and not beats_at_stop:
            beats_at_stop.append(diary.beats)
        return bool(beats_at_stop)

    diary.answer = lambda: bool(beats_at_stop) and diary.beats > beats_at_stop[0] + 5 and child.kill() is None
    with python(DEAF, tmp_path) as child:
        ending = Supervision(child, diary, draining=draining, limits=QUICK).run()
    assert ending.reason is Reason.DRAINED
    assert diary.beats > beats_at_stop[0] + 5


def test_news_do_not_wait_for_the_next_heartbeat(tmp_path: Path) -> None:
    """A watcher sees a stage begin within a second or two, not after fifteen."""
    diary = Diary(news=True)
    limits = Limits(heartbeat_s=1e9, news_s=0, lease_s=1e9, stall_s=1e9, tick_s=0.01)
    with python("print('stage')", tmp_path) as child:
        Supervision(child, diary, draining=never, limits=limits).run()
    assert diary.beats > 0


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        (Ending(Reason.ENDED, -9), "the child was killed by SIGKILL: MemoryError"),
        (Ending(Reason.ENDED, 3), "the child ended with code 3: MemoryError"),
        (Ending(Reason.STALLED, 75), "the child was stopped: it said nothing for too long"),
    ],
)
def test_an_ending_is_told_in_a_sentence(tmp_path: Path, ending: Ending, sentence: str) -> None:
    """It stands in the job's warning, and is often all that somebody reads."""
    log = tmp_path / "stderr.log"
    log.write_text("Traceback\nMemoryError\n")
    assert ending.describe(log) == sentence
