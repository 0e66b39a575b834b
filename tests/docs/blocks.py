"""The blocks of a Markdown page, and those that are marked `<!-- tested -->` as one shell script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"(?P<mark><!-- tested -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block. tested: whether a test runs it."""

    language: str
    text: str
    tested: bool


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block, from top to bottom."""
    for found in FENCE.finditer(page.read_text("utf-8")):
        yield Block(found["language"], found["text"], found["mark"] is not None)


def script(page: Path) -> str:
    """The tested blocks in one shell: a later one sees what an earlier one has set, and the first failure ends it."""
    parts = [as_shell(block) for block in blocks(page) if block.tested]
    return "\n".join(["set -euo pipefail", *parts])


def as_shell(block: Block) -> str:
    """Shell as it is, Python by the interpreter of the environment."""
    return block.text if block.language == "sh" else f"python - <<'PYTHON'\n{block.text}PYTHON\n"
