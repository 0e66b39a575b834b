"""A job's events as Server-Sent Events: what happened since the caller's last one, then what happens, until `done`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from service.api import shapes
from service.api.context import Context
from service.domain.events import StoredEvent

POLL_S = 0.5
KEEP_ALIVE_S = 15.0
BATCH = 200


def stream(here: Context, job_id: str, seq: int) -> StreamingResponse:
    """Events after `seq`. A caller that comes back with `Last-Event-ID` misses none and sees none twice."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the second keeps nginx from collecting
    return StreamingResponse(_follow(here, job_id, seq), media_type="text/event-stream", headers=headers)


async def _follow(here: Context, job_id: str, seq: int) -> AsyncIterator[bytes]:
    quiet_s = 0.0
    ended = (await run_in_threadpool(here.service.jobs.get, job_id)).ended
    while not here.stopping.is_set():
        events = await run_in_threadpool(here.service.events.after, job_id, seq, limit=BATCH)
        for event in events:
            yield _encode(event)
            seq, quiet_s = event.seq, 0.0
            if event.type == "done":
                return
        if events:
            continue
        if ended:  # and its `done` was seen before
            return
        await asyncio.sleep(POLL_S)
        quiet_s += POLL_S
        if quiet_s >= KEEP_ALIVE_S:
            yield KEEPALIVE_COMMENT
            quiet_s = 0.0


def _encode(event: StoredEvent) -> bytes:
    return format_sse_event(id=event.id, event=event.type, data_str=shapes.event(event).model_dump_json())
