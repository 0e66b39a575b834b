# Made from service/client/aio/datasets.py; change it there (service/client/__init__.py says how).
"""Datasets, as the client sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from service.client.sync.downloads import save
from service.client.sync.transport import Transport
from service.client.sync.uploads import Tell, upload
from service.schemas import Dataset, DatasetSample, LabelSource, List

POLL_S = 0.5
BASE = "/v1/datasets"


class Datasets:
    """`client.datasets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        path: str | None = None,
        *,
        layout: str = "auto",
        labels: LabelSource = "dataset",
        metadata: Mapping[str, str] | None = None,
    ) -> Dataset:
        """Register a folder that the server can read; validation starts by itself, or with the last byte uploaded.

        path: the folder; without one :meth:`upload` an archive. labels: what jobs will learn from; with "teacher" or
        "mixed", images may lack their masks.
        """
        body = {"name": name, "path": path, "layout": layout, "labels": labels, "metadata": dict(metadata or {})}
        return self._transport.post(Dataset, BASE, body)

    def upload(self, dataset_id: str, source: Path, *, progress: Tell = lambda _there, _total: None) -> Dataset:
        """Send a zip, tar or tar.gz; a broken connection is gone on with. Raises OSError if it cannot be read."""
        answer = upload(self._transport, f"{BASE}/{dataset_id}/content", source, progress=progress)
        return Dataset.model_validate_json(answer.content)

    def get(self, dataset_id: str) -> Dataset:
        """One dataset."""
        return self._transport.get(Dataset, f"{BASE}/{dataset_id}")

    def list(self, *, limit: int = 20, after: str | None = None, state: str | None = None) -> List[Dataset]:
        """One page of datasets, the newest first."""
        return self._transport.get(List[Dataset], BASE, limit=limit, after=after, state=state)

    def iterate(self, *, state: str | None = None) -> Iterator[Dataset]:
        """Every dataset, the newest first."""
        return self._transport.iterate(Dataset, BASE, state=state)

    def report(self, dataset_id: str) -> dict[str, Any]:
        """What validation found."""
        answer = self._transport.send("GET", f"{BASE}/{dataset_id}/report")
        return answer.json()

    def wait(self, dataset_id: str) -> Dataset:
        """Until the validation is through; the dataset is then ready or refused."""
        while (dataset := self.get(dataset_id)).state == "validating":
            self._transport.sleep(POLL_S)
        return dataset

    def samples(self, dataset_id: str) -> List[DatasetSample]:
        """The pictures that the validation has drawn."""
        return self._transport.get(List[DatasetSample], f"{BASE}/{dataset_id}/samples")

    def sample(self, dataset_id: str, number: int, target: Path) -> Path:
        """Download one picture, a PNG; it is compared with its hash, and whole or absent."""
        return save(self._transport, f"{BASE}/{dataset_id}/samples/{number}", target)

    def delete(self, dataset_id: str) -> None:
        """Forget a dataset, and the files that were uploaded for it. Refused while something refers to it."""
        self._transport.delete(f"{BASE}/{dataset_id}")
