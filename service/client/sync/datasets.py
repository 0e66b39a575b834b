# Made from service/client/aio/datasets.py; change it there (service/client/__init__.py says how).
"""Datasets, as the client sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.client.sync.transport import Transport
from service.schemas import Dataset, LabelSource, List

POLL_S = 0.5
BASE = "/v1/datasets"


class Datasets:
    """`client.datasets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        path: str,
        *,
        layout: str = "auto",
        labels: LabelSource = "dataset",
        metadata: Mapping[str, str] | None = None,
    ) -> Dataset:
        """Register a folder that the server can read; validation starts by itself.

        labels: what jobs will learn from; with "teacher" or "mixed", images may lack their masks.
        """
        body = {"name": name, "path": path, "layout": layout, "labels": labels, "metadata": dict(metadata or {})}
        return self._transport.post(Dataset, BASE, body)

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
