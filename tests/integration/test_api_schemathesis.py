"""The running server against its own OpenAPI document: every check, every operation, links followed."""

from __future__ import annotations

from pathlib import Path

from fakes.fuzzing import fuzz


def test_a_fuzzer_finds_nothing(tmp_path: Path) -> None:
    # what fits the schema is taken, what does not is refused, no answer breaks the schema and none is a 500. A fixed
    # seed, so that a change is judged and not the dice; tests/bench/schemathesis.py throws ten thousand of them
    found = fuzz(tmp_path, "--phases", "examples,fuzzing,stateful", "-n", "6", "--seed", "4", timeout_s=280)
    assert not found.failed, found.text
    assert found.cases > 300
