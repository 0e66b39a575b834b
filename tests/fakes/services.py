"""A service in memory, with models to serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from bpkd_core.bundle import ClassInfo
from fakes.networks import CLASSES, threshold_onnx
from fakes.records import add_job
from service.domain.models import Release, Version
from service.settings import MEMORY_URL, read_settings
from service.wiring import Service, wire


def memory_service(home: Path, **settings: Any) -> Service:
    """Everything in memory but the files. The host that Starlette's test client names is allowed."""
    given = {"home": home, "database_url": MEMORY_URL, "allowed_hosts": ("testserver", "127.0.0.1"), **settings}
    return wire(read_settings(**given))


def publish(
    service: Service, onnx: bytes | None = None, *, model: str = "street", alias: str | None = "production"
) -> Version:
    """A version as a finished job would have made it."""
    info = service.artifacts.keep_bytes(onnx if onnx is not None else threshold_onnx())
    release = Release(
        model=model,
        job_id=add_job(service).id,
        dataset_sha256="d" * 64,
        files={"student.onnx": info},
        classes=TypeAdapter(tuple[ClassInfo, ...]).validate_python(CLASSES),
        alias=alias,
    )
    return service.models.publish(release)
