"""The process that the worker starts: lines on standard output, an exit status, signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.specks import speck_spec
from typer.testing import CliRunner

from bpkd_core.__main__ import STOPPED, app, finish, percents, stop_on_signals
from bpkd_core.data import fingerprint
from bpkd_core.errors import InvalidSpec, Stopped


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Commands set signal handlers; put those of the test process back."""
    numbers = signal.SIGTERM, signal.SIGINT
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def call(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """Exit status, and the lines as JSON."""
    answer = CliRunner().invoke(app, [str(each) for each in arguments])
    return answer.exit_code, [json.loads(line) for line in answer.stdout.splitlines()]


def broken(scenes: Path, folder: Path) -> Path:
    """The scenes, without one mask."""
    shutil.copytree(scenes, folder)
    (folder / "masks" / "train" / "00003.png").unlink()
    return folder


def test_a_sound_dataset_is_reported_on_the_last_line(scenes: Path) -> None:
    """Lines before it tell the progress."""
    code, lines = call("check", scenes)
    assert (code, lines[-1]["ok"], lines[-1]["splits"][0]["images"]) == (0, True, 6)
    assert [line["step"] for line in lines[:-1]] == list(range(1, 11))
    assert {line["type"] for line in lines[:-1]} == {"metrics"}


def test_a_refused_dataset_is_reported_with_file_names(scenes: Path, tmp_path: Path) -> None:
    """Nobody mends `a mask is missing`."""
    _, lines = call("check", broken(scenes, tmp_path / "broken"))
    assert lines[-1]["ok"] is False
    assert lines[-1]["findings"][0]["samples"] == ["images/train/00003.jpg"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """There is nothing to report on."""
    code, lines = call("check", tmp_path / "nowhere")
    assert (code, lines[-1]["type"], lines[-1]["code"]) == (1, "error", "invalid_dataset")


def test_a_training_on_a_refused_dataset_ends_before_it_begins(scenes: Path, tmp_path: Path, specks: None) -> None:
    """One error event with the report in it, and nothing trained."""
    spec = speck_spec(broken(scenes, tmp_path / "broken"))
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    code, lines = call("distill", "--spec", tmp_path / "spec.json", "--workdir", tmp_path / "work")
    assert (code, lines[-1]["type"], lines[-1]["code"]) == (1, "error", "invalid_dataset")
    assert lines[-1]["report"]["findings"][0]["code"] == "missing_pair"
    assert lines[-1]["report"]["findings"][0]["samples"] == ["images/train/00003.jpg"]
    assert "done" not in {line["type"] for line in lines}
    assert not (tmp_path / "work").exists()


def test_a_wrong_specification_costs_no_torch(tmp_path: Path) -> None:
    """A typing error is answered in a moment, by name and nearest name, where torch alone takes seconds to load."""
    spec = {
        **speck_spec(tmp_path),
        "student": {"arch": "ddrnet_23_nanno"},
        "teacher": {"type": "train", "arch": "ddrnet_23"},
    }
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    code = (
        "import sys; sys.argv = ['bpkd_core', 'distill', '--spec', sys.argv[1], '--workdir', sys.argv[1] + '.d']\n"
        "from bpkd_core.__main__ import app\n"
        "try: app()\n"
        "finally: sys.exit(9 if 'torch' in sys.modules else 1)\n"
    )
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path / "spec.yaml")], capture_output=True, text=True)
    assert child.returncode == 1, child.stderr
    said = json.loads(child.stdout)
    assert (said["type"], said["code"]) == ("error", "unknown_name")
    assert said["message"] == 'Unknown network "ddrnet_23_nanno". Did you mean "ddrnet_23_nano"?'


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_work_that_was_stopped_exits_with_a_status_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """75 is `try again later`: the worker puts the job back instead of failing it."""

    def work() -> None:
        raise Stopped("Stopped at step 3.")

    with pytest.raises(SystemExit) as ended:
        finish(work)
    assert ended.value.code == STOPPED == os.EX_TEMPFAIL
    assert said(capsys) == {"type": "log", "message": "Stopped at step 3."}


def test_an_error_of_ours_is_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line is the error as JSON; a person reads its sentence."""

    def work() -> None:
        raise InvalidSpec("steps is 0.", param="train.steps")

    with pytest.raises(SystemExit) as ended:
        finish(work)
    assert ended.value.code == 1
    line = said(capsys)
    assert (line["type"], line["code"], line["param"]) == ("error", "invalid_spec", "train.steps")


def test_an_error_of_nobody_is_said_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug must reach the job as an event, and the log as a traceback."""

    def work() -> None:
        raise KeyError("weights")

    with pytest.raises(KeyError):
        finish(work)
    line = said(capsys)
    assert (line["type"], line["code"], line["message"]) == ("error", "internal", "KeyError: 'weights'")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_wish_that_work_hears_when_it_looks(number: signal.Signals) -> None:
    """A step, or a checkpoint half written, is always finished first."""
    stop = stop_on_signals()
    assert not stop()
    signal.raise_signal(number)
    assert stop()


def test_a_long_check_tells_at_most_a_hundred_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A dataset may have a million images, and an archive a billion bytes that never come in round numbers."""
    tell = percents()
    for done in range(1, 12_346):
        tell(done, 12_345)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) <= 101
    assert lines[-1]["step"] == lines[-1]["total_steps"] == 12_345


def test_an_archive_is_unpacked_checked_and_drawn(scenes: Path, tmp_path: Path) -> None:
    """What the check lane of a worker asks for, in one child."""
    archive = Path(shutil.make_archive(str(tmp_path / "upload"), "gztar", scenes))
    out, samples = tmp_path / "files", tmp_path / "samples"
    code, lines = call("check", out, "--archive", archive, "--samples", samples)
    assert (code, lines[-1]["ok"]) == (0, True)
    assert lines[-1]["sha256"] == fingerprint(scenes)
    assert len(list(samples.glob("*.png"))) == len(json.loads((samples / "index.json").read_text()))


def test_an_unsafe_archive_gives_a_report(tmp_path: Path) -> None:
    """Refused like any other dataset: a code, the entry, a sentence, and the way to mend it."""
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        archive.writestr("../evil", "x")
    code, lines = call("check", tmp_path / "files", "--archive", tmp_path / "upload", "--samples", tmp_path / "samples")
    assert (code, lines[-1]["ok"]) == (0, False)
    (finding,) = lines[-1]["findings"]
    assert (finding["code"], finding["severity"], finding["samples"]) == ("unsafe_archive", "error", ["../evil"])
    assert {path.name for path in tmp_path.iterdir()} == {"upload"}


def test_a_check_of_little_memory_ends_with_a_sentence_or_a_report(scenes: Path) -> None:
    """In a process of its own: the limit stays with whoever has set it."""
    command = [sys.executable, "-m", "bpkd_core", "check", str(scenes), "--memory-mib", "1024"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ended.stdout.splitlines()[-1])["ok"] is True
