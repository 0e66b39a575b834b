"""Schemathesis against a running server that needs a key and holds some of everything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes.records import add_job, add_ready_dataset
from fakes.servers import serving
from fakes.services import memory_service, publish
from fakes.teachers import add_teacher
from service.domain.keys import SECRET_BYTES, ApiKey, digest, secret_of
from service.wiring import Service

CONFIG = Path(__file__).with_name("schemathesis.toml")
OF_EACH = 5
NOT_ASKED = "ensure_resource_availability"
"""Wants everything below a new record at once; reports, probes and manifests come when a worker has made them."""
KNOWN_SHARE = 0.7
"""How often the fuzzer names what is there; else it makes names up."""


@dataclass(frozen=True)
class Fuzzed:
    """report: what was done, as the fuzzer's JSON. text: what it said to people. failed: whether it found anything."""

    report: Mapping[str, Any]
    text: str
    failed: bool

    @property
    def cases(self) -> int:
        """How many requests were made up and judged."""
        return self.report["test_cases"]["generated"]


def fuzz(folder: Path, *options: str, timeout_s: float) -> Fuzzed:
    """Run `schemathesis run` with all checks but one. options: of that command. folder: for all files."""
    service = memory_service(folder / "home", auth="required", import_roots=(folder,))
    report, config = folder / "report.json", folder / "schemathesis.toml"
    config.write_text(CONFIG.read_text("utf-8") + known_words(furnish(service, folder)))
    with serving(service) as url:
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config), "run"),
                *(f"{url}/openapi.json", "--header", f"Authorization: Bearer {new_secret(service)}"),
                *("--checks", "all", "--exclude-checks", NOT_ASKED, "--suppress-health-check", "all", "--no-color"),
                *("--report", "json", "--report-json-path", str(report), *options),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    return Fuzzed(json.loads(report.read_text()), done.stdout + done.stderr, done.returncode != 0)


def new_secret(service: Service) -> str:
    """The secret of a key that may do everything."""
    secret = secret_of(service.entropy(SECRET_BYTES))
    service.keys.add(ApiKey(service.new_id("key"), "fuzzer", digest(secret), service.now()))
    return secret


def furnish(service: Service, data: Path) -> Mapping[str, Sequence[Any]]:
    """Something to find, by the place in a request that names it. A delete must not leave nothing."""
    models = [f"street-{number}" for number in range(OF_EACH)]
    for model in models:
        publish(service, model=model), publish(service, model=model)
    datasets = [add_ready_dataset(service, data).id for _ in range(OF_EACH)]
    return {
        "path.model": models,
        "path.version": [1, 2],
        "path.alias": ["production", "candidate"],
        "path.job_id": [add_job(service).id for _ in range(OF_EACH)],
        "path.dataset_id": datasets,
        "path.teacher_id": [add_teacher(service).id for _ in range(OF_EACH)],
        "body.dataset": datasets,
        "body.path": [str(data)],
        "body.student.arch": ["ddrnet_23_nano", "segformer_b0"],
        "body.teacher.arch": ["pspnet_r18"],
    }


def known_words(places: Mapping[str, Sequence[Any]]) -> str:
    """The dictionaries of a configuration. A deadline of a microsecond would be a wish for 504: it is always 60 s."""
    names = {place: place.replace(".", "_") for place in places}
    lists = "".join(f"[dictionaries.{names[place]}]\nvalues = {json.dumps(places[place])}\n" for place in places)
    bindings = "".join(
        f'"{place}" = {{ dictionary = "{name}", probability = {KNOWN_SHARE} }}\n' for place, name in names.items()
    )
    return f'\n{lists}\n[parameters]\n"header.request-timeout" = "60"\n{bindings}'
