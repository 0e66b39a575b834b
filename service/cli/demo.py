"""The main job from end to end, through REST only: pictures go in, a served mask comes out.

::

    draw or take a dataset -> start API and worker, or find them -> register and validate -> teacher, control, student
    -> ONNX, measured -> promote -> masks over HTTP -> a table, a picture, and how to go on
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from bpkd_core.data import open_layout, write_scenes
from bpkd_core.errors import InvalidDataset
from service.cli.children import take_port, url_for
from service.cli.options import PATIENT, connect
from service.cli.output import task
from service.cli.report import draw_report
from service.cli.trainer import require_trainer
from service.cli.up import Plan, Supervisor, running
from service.cli.watch import require_success, watch
from service.cli.wish import Outcome, Wish
from service.client import Client
from service.schemas import Dataset, Job

MASKS = 4
HOST = "127.0.0.1"
OWN = "demo"  # the metadata key that says which demo a job belongs to
ELSEWHERE = ("BPKD_DATABASE_URL", "BPKD_REDIS_URL", "BPKD_ARTIFACTS", "BPKD_AUTH")  # a demo is alone with its home


@contextmanager
def demo(wish: Wish, screen: Console, *, server: str | None = None, api_key: str | None = None) -> Iterator[Outcome]:
    """Do it all; inside the block the student is still served. Raises whatever stands in the way, in one sentence.

    server: one that runs already, to which the dataset is uploaded, in place of one that lives as long as the block.
    """
    start = time.monotonic()
    if server is None:
        require_trainer()
    data = wish.data.resolve() if wish.data else draw_data(wish, screen)
    serving = own_server(wish, data, screen) if server is None else nullcontext(server)
    with serving as url, connect(url, api_key, tries=PATIENT) as client:
        try:
            job = unfinished(client, wish, screen, alone=server is None) or submit(
                client, wish, data, start, screen, upload=server is not None
            )
            watch(client.jobs.follow(job.id), screen, f"Job {job.id}")
            job = require_success(client.jobs.get(job.id))
            yield collect(client, wish, job, data, url, start, screen)
        except KeyboardInterrupt:
            screen.print("Stopping; started again with the same options, it goes on from its last checkpoint")
            raise


@contextmanager
def own_server(wish: Wish, data: Path, screen: Console) -> Iterator[str]:
    """The URL of API and worker of this demo alone, which end with the block."""
    supervisor = Supervisor(plan(wish, data, take_port(HOST)))
    with running(supervisor) as url:
        screen.print(f"Serving at {url}, logs in {supervisor.plan.logs}")
        yield url


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


def plan(wish: Wish, data: Path, port: int) -> Plan:
    """API and worker of this demo alone, which may read this dataset and nothing else."""
    home = wish.home.absolute()
    places = {"BPKD_HOME": str(home), "BPKD_IMPORT_ROOTS": str(data), "BPKD_HOST": HOST, "BPKD_PORT": str(port)}
    return Plan.of(home, url_for(HOST, port), dict.fromkeys(ELSEWHERE) | places)


def unfinished(client: Client, wish: Wish, screen: Console, *, alone: bool = True) -> Job | None:
    """The job of the same wish, broken off earlier, which goes on by itself.

    alone: the server is this demo's own, and jobs of other wishes are called off.
    """
    pending = [job for status in ("running", "queued") for job in client.jobs.list(status=status, limit=100).data]
    ours = [job for job in pending if job.metadata.get(OWN) == wish.key and not job.cancel_requested]
    for job in pending:
        if alone and OWN in job.metadata and job not in ours[:1]:
            client.jobs.cancel(job.id)
    if not ours:
        return None
    screen.print(f"Going on with job {ours[0].id}, which was broken off")
    return ours[0]


def submit(client: Client, wish: Wish, data: Path, start: float, screen: Console, *, upload: bool = False) -> Job:
    """Register the dataset, wait for its validation, and queue the job. Raises InvalidDataset, with a report shown."""
    with task(screen, f"Checking {data}", "The dataset is sound"):
        made = send(client, wish, data) if upload else client.datasets.create(wish.model, str(data))
        dataset = client.datasets.wait(made.id)
        if dataset.state == "refused":
            refuse(client, dataset, screen)
    return client.jobs.create(
        {
            "name": f"demo {wish.model}",
            "dataset": dataset.id,
            "register": {"model": wish.model, "alias_on_success": "candidate"},
            "metadata": {OWN: wish.key},
            **wish.schedule(spent_minutes=(time.monotonic() - start) / 60),
        }
    )


def send(client: Client, wish: Wish, data: Path) -> Dataset:
    """Upload a folder, packed."""
    wish.home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=wish.home) as folder:
        archive = shutil.make_archive(str(Path(folder) / "data"), "zip", data)
        return client.datasets.upload(client.datasets.create(wish.model).id, Path(archive))


def refuse(client: Client, dataset: Dataset, screen: Console) -> None:
    """Show what is wrong with a dataset and raise InvalidDataset."""
    if dataset.error is not None:
        raise InvalidDataset(dataset.error.message, hint=dataset.error.hint)
    screen.print(draw_report(client.datasets.report(dataset.id)), soft_wrap=False)
    raise InvalidDataset("The dataset was refused; mend what the report names and start the demo again")


def collect(client: Client, wish: Wish, job: Job, data: Path, url: str, start: float, screen: Console) -> Outcome:
    """Promote the student, ask it for masks, and bring everything home."""
    assert job.model is not None  # it was asked to register
    assert job.version is not None
    home = wish.home.absolute()
    with task(screen, f"Promoting {job.model}@{job.version} and asking it for masks", f"{job.model} is served"):
        client.models.promote(job.model, job.version, reason="bpkd demo")
        pairs = open_layout(data).pairs("test")
        images = tuple(pair.image for pair in pairs[:: max(1, len(pairs) // MASKS)][:MASKS])
        masks = tuple(save_mask(client, job.model, image, home / "masks") for image in images)
        picture, report = (client.jobs.artifact(job.id, name, home / name) for name in ("picture.png", "report.html"))
        student = client.models.download(job.model, job.version, home / "student.onnx")
    return Outcome(job, url, home, picture, report, student, images, masks, time.monotonic() - start)


def save_mask(client: Client, model: str, image: Path, folder: Path) -> Path:
    """Ask for one mask as a palette PNG, and for its overlay, kept beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{image.stem}-overlay.jpg").write_bytes(client.models.draw(model, image, form="image/jpeg"))
    mask = folder / f"{image.stem}.png"
    mask.write_bytes(client.models.draw(model, image))
    return mask
