"""The conventions of docs/reference/http.md, each with the request that shows it, sent."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from fakes.records import add_job, add_ready_dataset
from fakes.servers import serving
from fakes.services import memory_service, publish
from PIL import Image
from reference_pages import CONVENTIONS

from service.domain import submission

pytestmark = pytest.mark.integration
ONE = re.compile(
    r"^### (?P<title>.+?)$.*?```sh\n(?P<curl>.+?)```\n\nAmong the answer: `(?P<shows>.+?)`\.$", re.M | re.S
)
TOLD = [match.groupdict() for match in ONE.finditer(CONVENTIONS.read_text("utf-8"))]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The variables of the page, and a server that holds what they name."""
    folder = tmp_path_factory.mktemp("http")
    service = memory_service(folder / "home", import_roots=(folder,))
    publish(service)
    job = add_job(service)
    submission.cancel(service.jobs, job.id)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(folder / "image.png")
    with serving(service) as url:
        yield {
            "api": url,
            "job": job.id,
            "dataset": add_ready_dataset(service, folder).id,
            "model": "street",
            "data": str(folder),
            "image": str(folder / "image.png"),
        }


def test_each_convention_has_a_request() -> None:
    # one that could not be read would not be sent
    assert [each["title"] for each in TOLD] == re.findall(r"^### (.+)$", CONVENTIONS.read_text("utf-8"), re.M)


@pytest.mark.parametrize("told", TOLD, ids=[each["title"] for each in TOLD])
def test_a_convention_holds(told: Mapping[str, str], words: Mapping[str, str], tmp_path: Path) -> None:
    # a rule that is only written down is wrong within a month
    command = ["bash", "-c", told["curl"]]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", **words}, capture_output=True, timeout=60
    )
    said = done.stdout.decode("utf-8", "replace")
    assert told["shows"] in said, said + done.stderr.decode("utf-8", "replace")
