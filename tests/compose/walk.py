"""`make compose-test`: build, up, the main job from outside, a mask, down, up, and all of it still there."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from project import Project, bring, docker, draw, say, tiny_job

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
            dataset = bring(project, client, data)
            job = client.jobs.wait(client.jobs.create(tiny_job(dataset)).id)
            assert job.status == "succeeded", job.error
            say(f"{job.id} made {job.model}@{job.version}")
            mask = ask(client, image)
        project("down")
        say(f"down; again healthy {project.up(healthy_s=HEALTHY_S):.1f} s after `up`")
        with project.client() as client:
            assert client.jobs.get(job.id) == job
            assert ask(client, image) == mask
        say("the job, its model and its mask are still there")
    return 0


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
