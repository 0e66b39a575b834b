"""Datasets, as the client sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.client.transport import Transport
from service.schemas import Dataset, LabelSource, List

POLL_S = 0.5


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
        return Dataset.model_validate_json(self._transport.post("/v1/datasets", body).content)

    def get(self, dataset_id: str) -> Dataset:
        """One dataset."""
        return Dataset.model_validate_json(self._transport.get(f"/v1/datasets/{dataset_id}").content)

    def list(self, *, limit: int = 20, after: str | None = None, state: str | None = None) -> List[Dataset]:
        """Datasets, the newest first."""
        answer = self._transport.get("/v1/datasets", limit=limit, after=after, state=state)
        return List[Dataset].model_validate_json(answer.content)

    def report(self, dataset_id: str) -> dict[str, Any]:
        """What validation found."""
        return self._transport.get(f"/v1/datasets/{dataset_id}/report").json()

    def wait(self, dataset_id: str) -> Dataset:
        """Until the validation is through; the dataset is then ready or refused."""
        while (dataset := self.get(dataset_id)).state == "validating":
            self._transport.patience.sleep(POLL_S)
        return dataset
