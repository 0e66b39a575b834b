"""The main job from end to end, through REST only: pictures go in, a served mask comes out.

::

    draw or take a dataset -> start API and worker -> register and validate -> teacher, control, student -> ONNX,
    measured -> promote -> masks over HTTP -> a table, a picture, and how to go on
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from bpkd_core import recipes
from bpkd_core.bundle import Result
from bpkd_core.data import write_scenes
from bpkd_core.data.layout import list_pairs
from bpkd_core.errors import BpkdError, InvalidDataset, MissingExtra
from service.cli.output import task
from service.cli.report import draw_report
from service.cli.up import Plan, Supervisor, free_port, running, url_for
from service.cli.watch import watch
from service.client import Client, Patience
from service.client.models import DEFAULT_ALIAS
from service.schemas import Job

RESERVE_MINUTES = 1.0  # torch starts, a step is timed; in the end promotion, masks and downloads
SHORTEST_MINUTES = 0.5
MASKS = 4
HOST = "127.0.0.1"
PATIENCE = Patience(tries=60)  # of the client, in requests: a killed API is back in seconds, on a busy machine in more
OWN = "demo"  # the metadata key that says which demo a job belongs to
ELSEWHERE = ("BPKD_DATABASE_URL", "BPKD_REDIS_URL", "BPKD_ARTIFACTS", "BPKD_AUTH")  # a demo is alone with its home


@dataclass(frozen=True)
class Wish:
    """What was asked for. data: None draws street scenes. steps: of each network, instead of `minutes`."""

    home: Path
    data: Path | None = None
    minutes: float = 8.0
    seed: int = 0
    steps: int | None = None
    scenes: int = 600

    @property
    def key(self) -> str:
        """The same for the same wish: what a demo that was broken off is recognised by."""
        facts = [str(self.data), self.minutes, self.seed, self.steps, self.scenes]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    @property
    def model(self) -> str:
        """The name to serve under: the data's, in letters that URLs like."""
        name = re.sub(r"[^a-z0-9._-]+", "-", self.data.resolve().name.lower()).strip("-._") if self.data else ""
        return name[:64] or "street"


@dataclass(frozen=True)
class Outcome:
    """What a demo came to."""

    job: Job
    url: str
    home: Path
    picture: Path
    student_onnx: Path
    masks: tuple[Path, ...]
    images: tuple[Path, ...]
    seconds: float

    @property
    def result(self) -> Result:
        """The measurements."""
        assert self.job.result is not None  # a job that succeeded has one
        return self.job.result

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON."""
        return {
            "job": self.job.id,
            "dataset": self.job.dataset,
            "model": self.job.model,
            "version": self.job.version,
            "alias": DEFAULT_ALIAS,
            "url": self.url,
            "home": str(self.home),
            "picture": str(self.picture),
            "student_onnx": str(self.student_onnx),
            "images": [str(path) for path in self.images],
            "masks": [str(path) for path in self.masks],
            "seconds": round(self.seconds, 1),
            "result": self.result.model_dump(mode="json"),
        }


@contextmanager
def demo(wish: Wish, screen: Console) -> Iterator[Outcome]:
    """Do it all; inside the block the student is still served. Raises the errors of every step in one sentence."""
    start = time.monotonic()
    require_trainer()
    data = wish.data.resolve() if wish.data else draw_data(wish, screen)
    url = url_for(HOST, free_port())
    supervisor = Supervisor(plan(wish, data, url))
    with running(supervisor) as url, Client(url, patience=PATIENCE) as client:
        screen.print(f"Serving at {url}, logs in {supervisor.plan.logs}")
        job = unfinished(client, wish, screen) or submit(client, wish, data, start, screen)
        job = follow(client, job, screen)
        yield collect(client, wish, job, data, url, start, screen)
        screen.print("Stopping ...")


def require_trainer() -> None:
    """Raise MissingExtra at once, rather than after the data was drawn."""
    if find_spec("torch") is None:
        raise MissingExtra("The demo trains, and torch is not installed; expected: pip install 'bpkd[train]'")


def draw_data(wish: Wish, screen: Console) -> Path:
    """Street scenes of the seed, drawn once; a folder that exists is whole."""
    folder = wish.home.absolute() / "data" / f"street-{wish.scenes}-{wish.seed}"
    if folder.exists():
        screen.print(f"✓ The scenes in {folder} are there")
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    val, test = max(2, wish.scenes // 10), max(2, wish.scenes // 5)
    with task(screen, f"Drawing {wish.scenes + val + test} street scenes", f"Drew street scenes to {folder}") as tell:
        write_scenes(folder, train=wish.scenes, val=val, test=test, seed=wish.seed, progress=tell)
    return folder


def plan(wish: Wish, data: Path, url: str) -> Plan:
    """API and worker of this demo alone, which may read this dataset and nothing else."""
    settings: dict[str, str | None] = dict.fromkeys(ELSEWHERE)
    settings |= {"BPKD_HOME": str(wish.home.absolute()), "BPKD_IMPORT_ROOTS": str(data)}
    host, port = url.removeprefix("http://").split(":")
    return Plan(wish.home.absolute(), url, settings | {"BPKD_HOST": host, "BPKD_PORT": port})


def unfinished(client: Client, wish: Wish, screen: Console) -> Job | None:
    """The job of the same demo, broken off earlier; it goes on from its checkpoint. Those of others are called off."""
    found: Job | None = None
    for status in ("queued", "running"):
        for job in client.jobs.list(status=status, limit=100).data:
            if job.metadata.get(OWN) == wish.key and not job.cancel_requested and found is None:
                screen.print(f"Going on with job {job.id}, which was broken off")
                found = job
            elif OWN in job.metadata:
                client.jobs.cancel(job.id)
    return found


def submit(client: Client, wish: Wish, data: Path, start: float, screen: Console) -> Job:
    """Register the dataset, wait for its validation, and queue the job. Raises InvalidDataset, with a report shown."""
    with task(screen, f"Checking {data}", "The dataset is sound"):
        dataset = client.datasets.wait(client.datasets.create(wish.model, str(data)).id)
        if dataset.state == "refused":
            refuse(client, dataset.id, screen)
    return client.jobs.create(
        {
            "name": f"demo {wish.model}",
            "dataset": dataset.id,
            "register": {"model": wish.model, "alias_on_success": "candidate"},
            "metadata": {OWN: wish.key},
            **schedule(wish, spent_minutes=(time.monotonic() - start) / 60),
        }
    )


def refuse(client: Client, dataset_id: str, screen: Console) -> None:
    """Show what is wrong and raise InvalidDataset."""
    error = client.datasets.get(dataset_id).error
    if error is not None:
        raise InvalidDataset(error.message, hint=error.hint)
    report = client.datasets.report(dataset_id)
    screen.print(draw_report(report), soft_wrap=False)
    raise InvalidDataset("The dataset was refused; mend what the report names and start the demo again")


def schedule(wish: Wish, *, spent_minutes: float) -> dict[str, Any]:
    """The recipe for minutes on a laptop: for what is left of the budget, or for so many steps."""
    left = max(SHORTEST_MINUTES, wish.minutes - spent_minutes - RESERVE_MINUTES)
    fields = recipes.short(budget_minutes=left, seed=wish.seed)
    if wish.steps is None:
        return fields
    fixed = {"steps": wish.steps, "eval_every": wish.steps, "checkpoint_every": max(1, wish.steps // 4)}
    teacher = {**fields["teacher"], "train": fields["teacher"]["train"] | fixed}
    return {**fields, "teacher": teacher, "train": fields["train"] | fixed, "budget_minutes": None}


def follow(client: Client, job: Job, screen: Console) -> Job:
    """Watch the job to its end. Raises its error if it failed."""
    watch(client.jobs.follow(job.id), screen, f"Job {job.id}")
    job = client.jobs.get(job.id)
    if job.status != "succeeded":
        error = job.error.model_dump() if job.error else {"message": f"Job {job.id} was {job.status}"}
        raise BpkdError.from_dict(error)
    return job


def collect(client: Client, wish: Wish, job: Job, data: Path, url: str, start: float, screen: Console) -> Outcome:
    """Promote the student, ask it for masks, and bring everything home."""
    assert job.model is not None  # it was asked to register
    assert job.version is not None
    home = wish.home.absolute()
    with task(screen, f"Promoting {job.model}@{job.version} and asking it for masks", f"{job.model} is served"):
        client.models.promote(job.model, job.version, reason="bpkd demo")
        pairs = list_pairs(data, "test")
        images = tuple(pair.image for pair in pairs[:: max(1, len(pairs) // MASKS)][:MASKS])
        masks = tuple(save_mask(client, job.model, image, home / "masks") for image in images)
        picture = client.jobs.artifact(job.id, "picture.png", home / "picture.png")
        student = client.models.download(job.model, job.version, home / "student.onnx")
    return Outcome(job, url, home, picture, student, masks, images, time.monotonic() - start)


def save_mask(client: Client, model: str, image: Path, folder: Path) -> Path:
    """Ask for one mask as a palette PNG, and for the overlay beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{image.stem}-overlay.jpg").write_bytes(client.models.draw(model, image, form="image/jpeg"))
    mask = folder / f"{image.stem}.png"
    mask.write_bytes(client.models.draw(model, image))
    return mask
