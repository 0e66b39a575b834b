"""Datasets, as the client sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from service.client.aio.transport import AsyncTransport
from service.schemas import Dataset, LabelSource, List

POLL_S = 0.5
BASE = "/v1/datasets"


class AsyncDatasets:
    """`client.datasets`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
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
        return await self._transport.post(Dataset, BASE, body)

    async def get(self, dataset_id: str) -> Dataset:
        """One dataset."""
        return await self._transport.get(Dataset, f"{BASE}/{dataset_id}")

    async def list(self, *, limit: int = 20, after: str | None = None, state: str | None = None) -> List[Dataset]:
        """One page of datasets, the newest first."""
        return await self._transport.get(List[Dataset], BASE, limit=limit, after=after, state=state)

    def iterate(self, *, state: str | None = None) -> AsyncIterator[Dataset]:
        """Every dataset, the newest first."""
        return self._transport.iterate(Dataset, BASE, state=state)

    async def report(self, dataset_id: str) -> dict[str, Any]:
        """What validation found."""
        answer = await self._transport.send("GET", f"{BASE}/{dataset_id}/report")
        return answer.json()

    async def wait(self, dataset_id: str) -> Dataset:
        """Until the validation is through; the dataset is then ready or refused."""
        while (dataset := await self.get(dataset_id)).state == "validating":
            await self._transport.sleep(POLL_S)
        return dataset
