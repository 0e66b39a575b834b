"""docs/reference says what the code says, and forgets nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from reference_pages import PAGES

from bpkd_core import catalog
from bpkd_core.data.rules import RULES
from bpkd_core.events import STAGES
from service.settings import Settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PACKAGES = ("bpkd_core", "service", "worker")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str, golden: Callable[[Path, str], None]) -> None:
    # a reference that is written by hand is wrong within a week; `make golden` writes it anew
    golden(REFERENCE / f"{name}.md", PAGES[name]())


def test_the_folder_holds_no_other_page() -> None:
    # a page that nothing writes any more would grow old unnoticed
    assert {page.stem for page in REFERENCE.iterdir()} == set(PAGES)


def test_every_setting_has_a_row_with_a_meaning() -> None:
    # an operator looks nowhere else
    rows = re.findall(r"^\| `BPKD_(\w+)` \|.*\| (.+) \|$", read("settings"), flags=re.MULTILINE)
    assert [name.lower() for name, _ in rows] == list(Settings.model_fields)


def test_every_error_code_has_a_row() -> None:
    # found in the source itself, so that an error class which the page's writer overlooks is missed
    code = re.compile(r'^    code = "(\w+)"', flags=re.MULTILINE)
    sources = [path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    codes = {found for source in sources for found in code.findall(source)}
    assert "diverged" in codes
    assert {each for each in codes if f"| `{each}` |" not in read("errors")} == set()


def test_every_name_of_the_catalog_has_a_row() -> None:
    # what is not listed does not exist for a newcomer
    page = read("catalog")
    assert [name for table in catalog.BUILT_IN.values() for name in table if f"| `{name}` |" not in page] == []


def test_every_finding_and_every_stage_is_listed() -> None:
    # both are codes that programs compare with
    assert [rule.code for rule in RULES.values() if f"| `{rule.code}` |" not in read("dataset-report")] == []
    assert [stage for stage in STAGES if f"- `{stage}`" not in read("events")] == []


def read(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text("utf-8")
