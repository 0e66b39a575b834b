"""A server and the product's own probe behind it, to send files of teachers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.colours import CLASSES, write_blocks
from fakes.prober import prober
from fakes.records import add_ready_dataset
from fakes.servers import serving
from fakes.services import memory_service
from service.client import Client
from service.domain.datasets import Dataset
from service.schemas import Teacher
from worker.runner import TRAINER

Send = Callable[..., Teacher]


@contextmanager
def teaching(home: Path, **settings: Any) -> Iterator[Send]:
    """`send(path, **file)`: register a file for blocks in colours, send it, and wait for the end of its probe."""
    service = memory_service(home, **settings)
    dataset = add_ready_dataset(service, write_blocks(home / "blocks", train=1, val=2, test=0))
    service.datasets.change(dataset.id, _with_classes, fence=None)

    def send(path: Path, **file: Any) -> Teacher:
        teacher = client.teachers.create(path.name, dataset.id, file={"type": "onnx", **file})
        client.teachers.upload(teacher.id, path)
        return client.teachers.wait(teacher.id)

    with serving(service) as url, Client(url) as client, prober(service, TRAINER):
        yield send


def refusal(teacher: Teacher) -> str:
    """Why a teacher was refused: for good, and for its file."""
    assert teacher.state == "refused"
    assert teacher.error is not None
    assert teacher.error.code in ("invalid_model", "invalid_checkpoint")
    return teacher.error.message


def _with_classes(dataset: Dataset, _now: object) -> Dataset:
    return dataset.evolve(classes=CLASSES)
