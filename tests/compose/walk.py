"""`make compose-test`: build, up, the main job from outside, a mask, down, up, and all of it still there.

While the job trains, PostgreSQL is restarted and Redis is emptied.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from project import Project, bring, docker, draw, say, tiny_job, wait_until

from service.client import Client

HEALTHY_S = 60


def main() -> int:
    """Walk through it; whatever fails ends it with its reason."""
    with Project("bpkd-test") as project, tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        project("build")
        say(f"built in {time.monotonic() - started:.0f} s: {sizes()}")
        say(f"healthy {project.up(healthy_s=HEALTHY_S):.1f} s after `up`")
        inspect(project)
        data = draw(Path(folder) / "street")
        image = next((data / "images" / "test").iterdir())
        with project.client() as client:
            dataset = bring(client, data)
            job_id = client.jobs.create(tiny_job(dataset)).id
            lose_the_stores(project, client, job_id)
            job = client.jobs.wait(job_id)
            assert (job.status, job.attempt) == ("succeeded", 1), job
            say(f"{job.id} went on and made {job.model}@{job.version} in its first attempt")
            mask = ask(client, image)
        project("down")
        say(f"down; again healthy {project.up(healthy_s=HEALTHY_S):.1f} s after `up`")
        with project.client() as client:
            assert client.jobs.get(job.id) == job
            assert ask(client, image) == mask
        say("the job, its model and its mask are still there")
    return 0


def lose_the_stores(project: Project, client: Client, job_id: str) -> None:
    """PostgreSQL is restarted and Redis forgets everything while a job trains."""
    wait_until("training", lambda: (client.jobs.get(job_id).stage or "").startswith("training"), seconds=600)
    docker("restart", *project.containers("postgres"))
    project.ask("redis", "sh", "-c", "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli FLUSHALL")
    docker("restart", *project.containers("redis"))
    stage = client.jobs.get(job_id).stage
    assert stage is not None, "the job was over before the stores came back"
    say(f"PostgreSQL was restarted, Redis flushed and restarted; the job is {stage}")


def ask(client: Client, image: Path) -> bytes:
    """The mask of an image, as a PNG."""
    mask = client.models.draw("street", image)
    assert mask.startswith(b"\x89PNG")
    say(f"a mask of {len(mask)} bytes was served")
    return mask


def sizes() -> str:
    """What the images weigh, and that the API's has no torch."""
    sizes = {
        name: int(docker("image", "inspect", name, "--format", "{{.Size}}")) for name in ("bpkd-api", "bpkd-worker")
    }
    missing = docker(
        "run", "--rm", "bpkd-api", "python", "-c", "from importlib.util import find_spec as f; print(f('torch'))"
    )
    assert missing == "None", missing
    return ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items())


def inspect(project: Project) -> None:
    """What every container must be: read-only, without capabilities, not root, and unpublished but for the API."""
    form = "{{with .HostConfig}}{{.ReadonlyRootfs}} {{.CapDrop}} {{.SecurityOpt}} {{len .PortBindings}}{{end}}"
    limits = "{{with .HostConfig}}{{.Memory}} {{.PidsLimit}}{{end}}"
    for service in ("api", "worker", "postgres", "redis"):
        (container,) = project.containers(service)
        published = int(service == "api")
        hardened = f"true [ALL] [no-new-privileges:true] {published}"
        assert docker("inspect", container, "--format", form) == hardened, service
        assert "0" not in docker("inspect", container, "--format", limits).split(), service
        assert project.ask(service, "id", "-u") != "0", service
    say("containers are read-only, without capabilities, and not root; only the API is published")


if __name__ == "__main__":
    sys.exit(main())
