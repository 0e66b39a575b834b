"""How commands fail: a status, one sentence on standard error, nothing on standard output, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from bpkd_command import Bpkd
from fakes.servers import free_port


def test_a_server_that_is_away_is_one_sentence(bpkd: Bpkd) -> None:
    # the commonest mistake of a first day
    answer = bpkd("jobs", "list", "--url", f"http://127.0.0.1:{free_port()}")
    assert (answer.code, answer.out) == (1, "")
    assert "does not answer" in answer.err
    assert "bpkd up" in answer.err
    assert answer.err.count("\n") == 1


def test_an_address_that_is_none_is_said_so(bpkd: Bpkd) -> None:
    # httpx has its own family of errors for it
    answer = bpkd("models", "list", "--url", "http://[::1")
    assert answer.code == 1
    assert "http://[::1 is no address" in answer.err


@pytest.mark.usefixtures("url")
def test_the_server_s_hint_comes_with_its_sentence(bpkd: Bpkd, tmp_path: Path) -> None:
    # a refusal without the way out is half a help
    job = tmp_path / "job.yaml"
    job.write_text("{dataset: ds_00000000000000000000000000, student: {arch: segformer_b00}}")
    answer = bpkd("jobs", "submit", job)
    assert answer.code == 1
    sentence, hint = answer.err.splitlines()
    assert sentence == 'Unknown student "segformer_b00". Did you mean "segformer_b0"?'
    assert hint.startswith("Known: ")


def test_a_job_file_that_does_not_parse_names_the_place(bpkd: Bpkd, tmp_path: Path) -> None:
    # YAML has more ways to be wrong than a person can see
    job = tmp_path / "job.yaml"
    for text in ("student: [", "just words"):
        job.write_text(text)
        answer = bpkd("jobs", "submit", job)
        assert (answer.code, answer.err.count("\n")) == (1, 1)
        assert "job.yaml" in answer.err


def test_a_file_that_cannot_be_written_is_one_sentence(bpkd: Bpkd, tmp_path: Path) -> None:
    # the system's errors are no tracebacks either
    (tmp_path / "home").write_text("a file where a folder should be")
    answer = bpkd("keys", "list", "--home", tmp_path / "home" / "below")
    assert answer.code == 1
    assert answer.err.count("\n") <= 2
    assert "Traceback" not in answer.err


def test_a_wrong_option_is_a_usage_error(bpkd: Bpkd) -> None:
    # status 2, as everywhere else
    assert bpkd("predict", "nothing.png", "--model", "street").code == 2
    assert bpkd("jobs", "fly").code == 2


def test_predict_needs_one_source_of_masks(bpkd: Bpkd, tmp_path: Path) -> None:
    # with both, whose mask would it be?
    image = tmp_path / "image.png"
    image.write_bytes(b"")
    assert bpkd("predict", image).code == 2
