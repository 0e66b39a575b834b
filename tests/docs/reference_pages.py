"""The pages of docs/reference, written from the code that they describe: one function a page.

`make golden` writes them; tests/docs/test_docs_reference.py compares them with what these functions say.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import typer
import yaml
from markdown_words import block, bullets, code, page, table
from pydantic import BaseModel
from schema_words import field_rows
from sources import commands, drawing, first_sentence, local_errors, without_roles

from bpkd_core import catalog, events, recipes, spec
from bpkd_core import errors as core_errors
from bpkd_core.data.layouts import folder
from bpkd_core.data.rules import RULES
from bpkd_core.spec import Section
from service import schemas
from service.api import pages as help_pages
from service.api.__main__ import openapi_text
from service.api.scopes import needed
from service.domain import errors as domain_errors
from service.domain.events import NoteType
from service.settings import Settings

CONVENTIONS = Path(__file__).parents[2] / "service" / "api" / "conventions.md"


def settings() -> str:
    """Every `BPKD_*` variable."""
    rows = [[code(f"BPKD_{name.upper()}"), *row[1:]] for name, row in field_rows(Settings).items()]
    return page(
        "Settings",
        "service/settings.py",
        "Environment variables, read once when a process starts; where one is not set, a file in /run/secrets that is "
        "named as it in lower case, `bpkd_database_url` say, holds its value. A wrong value ends the "
        "process with a sentence that names the variable. `bpkd up`, `bpkd api` and `bpkd worker` take the commonest "
        "as options.",
        table(["variable", "default", "values", "meaning"], rows),
    )


def errors() -> str:
    """Every error code."""
    known = help_pages.explanations()
    http = [
        [code(each.code), str(each.status), again(each.retryable), first_sentence(each.text)] for each in known.values()
    ]
    local = [
        [code(kind.code), again(kind.retryable), first_sentence(kind)]
        for kind in sorted(local_errors(), key=lambda kind: kind.code)
        if kind.code not in known
    ]
    return page(
        "Errors",
        "bpkd_core/errors.py and service/domain/errors.py",
        "A code is stable; a message says what was found, what was expected and what would work. Over HTTP every "
        "refusal is `application/problem+json` (RFC 9457), and its `type` is a page of the server that answered.",
        "## The two trees",
        block(drawing(core_errors)),
        block(drawing(domain_errors)),
        "## Over HTTP",
        "*Again*: whether the same request may succeed later.",
        table(["code", "status", "again", "meaning"], http),
        "## On this side of the wire",
        "What the command line and the Python client raise themselves.",
        table(["code", "again", "meaning"], local),
    )


def names() -> str:
    """Methods, networks and dataset layouts."""
    methods = [[code(name), each.title, each.paper, ", ".join(each.needs)] for name, each in catalog.METHODS.items()]
    networks = [
        [code(name), each.title, number(each.params_m), number(each.gmacs), str(each.stride), each.paper, each.licence]
        for name, each in sorted(catalog.MODELS.items(), key=lambda row: (row[1].params_m or 0, row[0]))
    ]
    datasets = [[code(name), each.title] for name, each in catalog.DATASETS.items()]
    return page(
        "Catalog",
        "bpkd_core/catalog",
        "What can be named in a job. A package joins through the entry-point groups `bpkd.methods`, `bpkd.models` and "
        "`bpkd.datasets`; a built-in name wins.",
        "## Methods",
        "Their options are in [spec.md](spec.md).",
        table(["name", "what it is", "paper", "needs"], methods),
        "## Networks",
        "Parameters in millions with 19 classes and without the auxiliary head; multiply-adds of one 360x480 image in "
        "thousand millions; stride of the logits. A test compares the figures with the code.",
        table(["name", "what it is", "M parameters", "GMACs", "stride", "paper", "licence"], networks),
        "## Dataset layouts",
        table(["name", "what it is"], datasets),
    )


def events_page() -> str:
    """What a run and a job tell."""
    example = events.Event("metrics", {"stage": "training_student", "step": 120, "total_steps": 600, "values": {}})
    return page(
        "Events",
        "bpkd_core/events.py and service/domain/events.py",
        "## Of a run",
        "`python -m bpkd_core distill` writes one JSON object a line to standard output. Other lines are chatter of a "
        "library and are dropped.",
        block(events.to_line(example), "json"),
        block(without_roles(inspect.getdoc(events.Event) or "")),
        "Stages, in order:",
        bullets(map(code, events.STAGES)),
        "## Of a job",
        "`GET /v1/jobs/{job_id}/events` gives them as a list with a cursor, or as Server-Sent Events that go on after "
        "`Last-Event-ID`. They are numbered 1, 2, 3 ... per job without a gap. Types: "
        f"{', '.join(map(code, get_args(NoteType)))}.",
        "`status` and `done` come from the service: `status` holds `status`, `attempt` and `cancel_requested`; `done`, "
        "the last event of every job, holds `status`, `error`, and `model` and `version` where one was published. The "
        "rest is relayed from the run; its own `done` and `error` are not, because the end of a run is not yet the end "
        "of its job.",
    )


def dataset_report() -> str:
    """Every finding of the dataset check."""
    rows = [[code(rule.code), rule.severity, filled(rule.message), filled(rule.fix)] for rule in RULES.values()]
    return page(
        "Dataset report",
        "bpkd_core/data/rules.py",
        "`bpkd dataset check PATH` prints it and `GET /v1/datasets/{dataset_id}/report` answers with it. An *error* "
        "forbids training; a *warning* or an *info* does not. Each finding names up to 20 files. N is how many there "
        "are, and an ellipsis stands for what was seen.",
        "## The canonical layout",
        block(drawing(folder)),
        "Without `images/val`, a tenth of train is held out by the hash of its names; without `images/test`, val is "
        "what is measured.",
        "## The other layouts",
        "Found by themselves; `layout: NAME` in a specification and `--layout NAME` decide where two fit. A single "
        "folder around the dataset, as archives have it, is looked through.",
        *(part for name in catalog.DATASETS if name != "folder" for part in layout_parts(name)),
        "## Findings",
        table(["code", "severity", "what it says", "how to mend it"], rows),
    )


def cli() -> str:
    """Every command and option."""
    return page(
        "Command line",
        "service/cli",
        "An error is one sentence on standard error and a non-zero exit status. Progress goes to standard error where "
        "`--json` is given.",
        *(part for path, command in commands() for part in command_parts(path, command)),
    )


def spec_page() -> str:
    """Every field of a specification and of a job request."""
    asked = [schemas.JobRequest, schemas.RegisteredTeacher, schemas.Register, schemas.Gates, schemas.JobWebhook]
    whole = [spec.DistillSpec, *asked]
    parts = [kind for kind in vars(spec).values() if isinstance(kind, type) and issubclass(kind, Section)]
    kinds = dict.fromkeys([*whole, *parts])
    return page(
        "Specification",
        "bpkd_core/spec and service/schemas",
        "`bpkd distill SPEC.yaml` reads a `DistillSpec`. `POST /v1/jobs` takes a `JobRequest`, which has the same "
        "parts, names its dataset by id, and says where the student is to be registered. Unknown fields are refused.",
        *(part for kind in kinds if kind is not Section for part in section_parts(kind)),
        "## Presets",
        "bpkd_core/recipes.py: `preset: NAME` or `preset: [NAME, ...]` lays them under a specification or a request. "
        "Of several the later wins; what is written beside them wins over all.",
        *(part for name, fields in recipes.PRESETS.items() for part in (f"### {name}", block(as_yaml(fields), "yaml"))),
        "## The recipe of `bpkd demo`",
        "bpkd_core/recipes.py: fields of a job that fit a schedule of minutes.",
        block(as_yaml(recipes.short(budget_minutes=8)), "yaml"),
    )


OPEN = ("healthz", "readyz")
"""Operations that ask for no key."""


def http() -> str:
    """Every operation, and the scope that a key needs for it."""
    paths = json.loads(openapi_text())["paths"]
    operations = [
        (
            operation["tags"][0],
            [
                code(f"{method.upper()} {path}"),
                code(operation["operationId"]),
                "" if operation["operationId"] in OPEN else needed(method.upper(), path),
                summary(operation),
            ],
        )
        for path, methods in paths.items()
        for method, operation in methods.items()
    ]
    tags = dict.fromkeys(tag for tag, _ in operations)
    return page(
        "HTTP",
        "service/api/routes and service/api/conventions.md",
        "The same for programs: `GET /openapi.json`, kept in tests/golden/openapi.json.",
        CONVENTIONS.read_text("utf-8"),
        *(
            part
            for tag in tags
            for part in (
                f"## {tag}",
                table(["request", "operation", "scope", "what it does"], [r for t, r in operations if t == tag]),
            )
        ),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "errors": errors,
    "catalog": names,
    "events": events_page,
    "dataset-report": dataset_report,
    "cli": cli,
    "spec": spec_page,
    "http": http,
}


def section_parts(kind: type[BaseModel]) -> Iterator[str]:
    """A heading, what it is, its fields; for a method also what its options do, in the words of the class behind it."""
    yield f"## {kind.__name__}"
    yield without_roles(inspect.getdoc(kind) or "")
    yield table(["field", "default", "values", "meaning"], list(field_rows(kind).values()))
    tag = kind.model_fields.get("type")
    if tag is not None and tag.default in catalog.METHODS:
        yield block(without_roles(inspect.getdoc(catalog.load("methods", tag.default)) or ""))


def layout_parts(name: str) -> Iterator[str]:
    """A heading, what it is, its files, and what its page says below them."""
    module = sys.modules[catalog.load("datasets", name).__module__]
    text = inspect.getdoc(module) or ""
    yield f"### {name}"
    yield first_sentence(text)
    yield block(drawing(module))
    yield text.rpartition("\n\n")[2] if not text.rpartition("\n\n")[2].startswith(" ") else ""


def command_parts(path: str, command: Any) -> Iterator[str]:
    """A heading, the usage, what it does and its options."""
    context = typer.Context(command, info_name=path)
    yield f"## {path}"
    yield block(command.get_usage(context).removeprefix("Usage: "))
    yield inspect.cleandoc(command.help or "")
    records = [each.get_help_record(context) for each in command.get_params(context)]
    shown = [[code(" ".join(name.split())), " ".join(text.split())] for name, text in filter(None, records)]
    yield table(["option", "meaning"], [row for row in shown if "--help" not in row[0]])


def as_yaml(value: Any) -> str:
    """Through JSON, so that lists which are shared are written out twice."""
    return yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False, default_flow_style=None)


def summary(operation: Mapping[str, Any]) -> str:
    """What an operation does, in a line."""
    return " ".join(operation["description"].split("\n\n")[0].split())


def filled(template: str) -> str:
    """A message of the report without its particulars."""
    return template.format(n="N", detail="…")


def again(retryable: bool) -> str:
    """Yes or no."""
    return "yes" if retryable else "no"


def number(value: float | None) -> str:
    """Two decimals."""
    return "" if value is None else f"{value:.2f}"
