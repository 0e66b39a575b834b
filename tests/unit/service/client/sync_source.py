"""The synchronous client, made from the asynchronous one: the same words without the waiting."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[4]
CLIENT = ROOT / "service" / "client"
HEADER = "# Made from service/client/aio/{name}; change it there (service/client/__init__.py says how).\n"
REPLACEMENTS = {
    r"\basync (def|with|for)\b": r"\1",
    r"\bawait ": "",
    r"\bAsync(?=[A-Z])": "",  # AsyncJobs, AsyncIterator, httpx.AsyncClient
    r"\bAwaitable\[(\w+)\]": r"\1",
    r"\bAwaitable, ": "",
    r"\basyncio\b": "time",
    r"\b__a(enter|exit)__": r"__\1__",
    r"\ba(closing|close|read|iter_\w+)\b": r"\1",
    r"\bGenerator\[(\w+), None\]": r"Generator[\1, None, None]",
    r"\bservice\.client\.aio\b": "service.client.sync",
}
FIXES = ("--fix", "--unsafe-fixes", "--quiet", "--select", "I,UP028")  # the order of imports, and `yield from`
PACKAGE = '"""The client without `async`, made from service/client/aio."""\n'


def sync_file(source: Path) -> tuple[Path, str]:
    """Where the synchronous form of a file lies, and what it holds."""
    return CLIENT / "sync" / source.name, PACKAGE if source.stem == "__init__" else to_sync(source)


def to_sync(source: Path) -> str:
    """One file without `async`, in the layout that ruff gives it."""
    text = source.read_text("utf-8")
    for pattern, replacement in REPLACEMENTS.items():
        text = re.sub(pattern, replacement, text)
    named = ["--stdin-filename", str(CLIENT / "sync" / source.name), "-"]
    in_order = _ruff(["check", *FIXES, *named], HEADER.format(name=source.name) + text)
    return _ruff(["format", *named], in_order)


def _ruff(arguments: Sequence[str], text: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
