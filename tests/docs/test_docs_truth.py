"""What pages say of files, commands, requests and settings is compared with what there is."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from blocks import blocks
from sources import commands

from bpkd_core import recipes
from service.api.__main__ import openapi_text
from service.schemas import JobRequest
from service.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
WRITTEN = DOCS / "reference"  # from the code, and so true without this
BY_HAND = [page for page in PAGES if page.parent != WRITTEN]
CLIENT_VARIABLES = {"BPKD_URL", "BPKD_API_KEY"}  # of the command line, which talks to a server as a client

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
each_by_hand = pytest.mark.parametrize("page", BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    # a link that is dead tells a reader that nobody looks after the page
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text("utf-8"))
    dead = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@each_by_hand
def test_every_file_that_is_named_exists(page: Path) -> None:
    # pages lead through the code by its files; a file that was renamed must be renamed there
    named = re.findall(r"(?<![\w/])((?:bpkd_core|service|worker|tests|docs)/[\w./-]*\w)", prose(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


@each_by_hand
def test_every_command_exists_with_its_options(page: Path) -> None:
    # `bpkd` is the first thing that people copy from a page
    known = {path: [option for each in command.params for option in each.opts] for path, command in commands()}
    for line in bpkd_lines(page):
        path = next((path for path in sorted(known, key=len, reverse=True) if f"{line} ".startswith(f"{path} ")), None)
        assert path is not None, line
        options = re.findall(r"(?<=\s)--[\w-]+", line.partition(" #")[0])
        assert [option for option in options if option not in known[path]] == [], line


@each_by_hand
def test_every_request_exists(page: Path) -> None:
    # a path that the server does not know answers 404 to whoever believed the page
    named = re.findall(r"\b((?:GET|POST|PUT|DELETE) /v1/[\w/{}.-]*[\w}])", page.read_text("utf-8"))
    assert [request for request in named if not any(fits(request, form) for form in requests())] == []


@each_by_hand
def test_every_variable_is_a_setting(page: Path) -> None:
    # a variable that nothing reads is silently without effect
    known = {f"BPKD_{name.upper()}" for name in Settings.model_fields} | CLIENT_VARIABLES
    assert set(re.findall(r"BPKD_[A-Z0-9_]*[A-Z0-9]", page.read_text("utf-8"))) - known == set()


def test_the_readmes_job_is_the_recipe_that_was_measured() -> None:
    # people copy this job; it must be the one whose results stand above it
    (job,) = jobs(ROOT / "README.md")
    recipe = recipes.short(budget_minutes=job["budget_minutes"])
    same = ("student", "method", "train", "control", "budget_minutes")
    assert {name: as_job(job)[name] for name in same} == {name: as_job(recipe)[name] for name in same}
    assert as_job(job)["teacher"]["arch"] == as_job(recipe)["teacher"]["arch"]
    assert recipe["teacher"]["train"] == recipe["train"]  # so that the job may leave the teacher's out


def test_the_quickstarts_job_has_the_weights_that_were_measured() -> None:
    # a short schedule with the paper's weights would show a method that fails
    (job,) = jobs(DOCS / "quickstart.md")
    assert job["method"] == recipes.SHORT_METHOD


def test_every_decision_is_numbered_listed_and_has_its_parts() -> None:
    # decisions are found by number, and one without its price is an advertisement
    decisions = sorted((DOCS / "adr").glob("0*.md"))
    index = (DOCS / "adr" / "README.md").read_text("utf-8")
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for number, page in enumerate(decisions, start=1):
        text = page.read_text("utf-8")
        title = text.splitlines()[0].removeprefix(f"# {number}. ")
        assert f"{number}. [{title}]({page.name})" in index
        assert re.findall("^## (.*)$", text, flags=re.MULTILINE) == ["Context", "Decision", "Consequences"]


def jobs(page: Path) -> list[dict[str, Any]]:
    """The jobs that a page writes to a file, as JSON."""
    return [
        json.loads(body)
        for block in blocks(page)
        for body in re.findall(r"^cat > job.json <<EOF\n(.*?)^EOF$", block.text, flags=re.MULTILINE | re.DOTALL)
    ]


def as_job(fields: dict[str, Any]) -> dict[str, Any]:
    """A request with every default filled in."""
    request = JobRequest.model_validate({**fields, "dataset": "ds_" + "0" * 26})
    return request.model_dump(mode="json", by_alias=True)


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(page: Path) -> str:
    """A page without its comments, and without its fenced blocks, which talk of a user's own folders."""
    return re.sub(r"^```.*?^```$|<!--.*?-->", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def bpkd_lines(page: Path) -> list[str]:
    """Every command line with `bpkd` on a page: in shell blocks, and whole ones in the text."""
    shell = [line.strip() for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    text = re.findall(r"`(bpkd [^`]+)`", prose(page))
    return [line for line in [*shell, *text] if line.startswith("bpkd ")]


@cache
def requests() -> list[str]:
    """Every request that the server knows: `POST /v1/models/{model}/infer`."""
    paths = json.loads(openapi_text())["paths"]
    return [f"{method.upper()} {path}" for path, methods in paths.items() for method in methods]


def fits(request: str, form: str) -> bool:
    """Whether a request is of this form, with names or examples of its own: `POST /v1/models/street/infer`."""
    pattern = "[^/]+".join(re.escape(part) for part in re.split(r"{[^}]+}", form))
    return re.fullmatch(pattern, request) is not None
