"""A compose project of its own: built from this folder, watched, asked, and removed with all that it kept."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from service.client import Client, Patience

ROOT = Path(__file__).parents[2]
PORT = 18400
TICK_S = 0.5


class Project:
    """`docker compose` under a name and a port that no other project has."""

    def __init__(self, name: str, *files: str, **variables: str) -> None:
        """files: compose files, relative to the repository. variables: as in .env."""
        compose = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        chosen = [part for file in files or ("docker-compose.yml",) for part in ("-f", file)]
        given = {"API_ADDRESS": f"127.0.0.1:{PORT}", **variables}
        self._command = ["env", *(f"{name}={value}" for name, value in given.items()), *compose, "-p", name, *chosen]
        self.url = f"http://127.0.0.1:{PORT}"

    def __enter__(self) -> Self:
        """Start from nothing."""
        self("down", "--volumes", "--remove-orphans")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave nothing; after a failure, the end of every log."""
        if kind is not None:
            say(self("logs", "--tail=40", "--no-color"))
        self("down", "--volumes", "--remove-orphans")

    def __call__(self, *arguments: str) -> str:
        """What one command of compose prints. Raises CalledProcessError."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=ROOT,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            say(done.stdout)
        done.check_returncode()
        return done.stdout

    def ask(self, service: str, *command: str) -> str:
        """What a command inside a service's container prints."""
        return self("exec", "-T", service, *command).strip()

    def containers(self, service: str) -> list[str]:
        """The names of a service's containers."""
        return self("ps", "-q", service).split()

    def up(self, *arguments: str, healthy_s: float = 60) -> float:
        """Start, and wait until `/readyz` says yes. Returns how long that took, in seconds."""
        started = time.monotonic()
        self("up", "--detach", *arguments)
        key = None
        while time.monotonic() - started < healthy_s:
            with suppress(Exception):  # not there yet
                key = key or self.ask("api", "cat", "/run/secrets/bpkd_first_key")
                with self.client(tries=1) as client:
                    client.workers.list()
                return time.monotonic() - started
            time.sleep(TICK_S)
        raise TimeoutError(f"The API was not ready within {healthy_s:g} s")

    def client(self, **patience: Any) -> Client:
        """A client outside of the containers, with the key that the first start made."""
        key = self.ask("api", "cat", "/run/secrets/bpkd_first_key")
        return Client(self.url, key, patience=Patience(**patience))


def docker(*arguments: str) -> str:
    """What one command of the engine prints."""
    return subprocess.run(["docker", *arguments], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def say(text: str) -> None:
    """One line of the log, with the time."""
    print(time.strftime("%H:%M:%S"), text, flush=True)


def wait_until(what: str, holds: Any, *, seconds: float = 60) -> None:
    """Look until something holds. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(TICK_S)


def tiny_job(dataset: str, steps: int = 4, **changes: Any) -> dict[str, Any]:
    """The main job in miniature: a teacher, a control and a student of a few steps each, registered."""
    train = {"steps": steps, "batch_size": 2, "crop": [64, 96], "input_downscale": 2, "warmup_steps": min(1, steps - 1)}
    train |= {"eval_every": steps, "checkpoint_every": max(1, steps // 4)}
    return {
        "name": "compose test",
        "dataset": dataset,
        "teacher": {"type": "train", "arch": "swiftnet_r18_slim", "train": train},
        "student": {"type": "arch", "arch": "swiftnet_r18_nano"},
        "train": train,
        "register": {"model": "street", "alias_on_success": "production"},
    } | changes


def draw(folder: Path) -> Path:
    """A few street scenes."""
    from bpkd_core.data import write_scenes

    write_scenes(folder, train=8, val=2, test=2, seed=0)
    return folder


def bring(client: Client, data: Path) -> str:
    """Upload a dataset; its id, once it is ready."""
    archive = Path(shutil.make_archive(str(data), "zip", data))
    dataset = client.datasets.wait(client.datasets.upload(client.datasets.create(data.name).id, archive).id)
    assert dataset.state == "ready", dataset
    return dataset.id
