"""Teachers, as the client sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from service.client.aio.transport import AsyncTransport
from service.client.aio.uploads import Tell, upload
from service.schemas import List, Teacher, TeacherProbe

POLL_S = 0.5
BASE = "/v1/teachers"
ANY_ONNX: Mapping[str, Any] = {"type": "onnx"}
"""An ONNX file; what it expects is found by its probe."""


class AsyncTeachers:
    """`client.teachers`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def create(
        self,
        name: str,
        dataset: str,
        *,
        file: Mapping[str, Any] = ANY_ONNX,
        path: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Teacher:
        """Register a teacher; its probe, on labelled images of the dataset, starts as soon as its file is there.

        file: what it is and how it is to be read, as in :class:`service.schemas.TeacherRequest`. path: where the server
        can read it; without one :meth:`upload` it.
        """
        body = {"name": name, "dataset": dataset, "file": dict(file), "path": path, "metadata": dict(metadata or {})}
        return await self._transport.post(Teacher, BASE, body)

    async def upload(self, teacher_id: str, source: Path, *, progress: Tell = lambda _there, _total: None) -> Teacher:
        """Send a teacher's file; a broken connection is gone on with. Raises OSError for one that cannot be read."""
        answer = await upload(self._transport, f"{BASE}/{teacher_id}/content", source, progress=progress)
        return Teacher.model_validate_json(answer.content)

    async def get(self, teacher_id: str) -> Teacher:
        """One teacher."""
        return await self._transport.get(Teacher, f"{BASE}/{teacher_id}")

    async def list(
        self, *, limit: int = 20, after: str | None = None, state: str | None = None, dataset: str | None = None
    ) -> List[Teacher]:
        """One page of teachers, the newest first."""
        return await self._transport.get(List[Teacher], BASE, limit=limit, after=after, state=state, dataset=dataset)

    def iterate(self, *, state: str | None = None, dataset: str | None = None) -> AsyncIterator[Teacher]:
        """Every teacher, the newest first."""
        return self._transport.iterate(Teacher, BASE, state=state, dataset=dataset)

    async def probe(self, teacher_id: str) -> TeacherProbe:
        """What its probe found; there is none of a file that could not be opened, whose `error` says why."""
        return await self._transport.get(TeacherProbe, f"{BASE}/{teacher_id}/probe")

    async def wait(self, teacher_id: str) -> Teacher:
        """Until its probe is through; the teacher is then ready or refused."""
        while (teacher := await self.get(teacher_id)).state in ("uploading", "probing"):
            await self._transport.sleep(POLL_S)
        return teacher

    async def delete(self, teacher_id: str) -> None:
        """Forget a teacher. Refused while a job that has not ended learns from it."""
        await self._transport.delete(f"{BASE}/{teacher_id}")
