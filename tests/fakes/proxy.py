"""A TCP proxy on loopback between a client and a server, which can fall silent, break off, or answer for the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from fakes.waiting import DEADLINE_S

BLOCK_BYTES = 1 << 14
SLOW_DOWN = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Proxy:
    """Runs in a thread of its own while the `with` block lasts. What it does may be changed at any time.

    refusals: so many requests to come get 503 and do not reach the server. cut_after: each connection breaks off once
    so many bytes have gone in one direction.
    """

    def __init__(self, port: int) -> None:
        """port: the server's, on loopback."""
        self.refusals = 0
        self.refused = 0
        self.cut_after: int | None = None
        self.port = 0
        self._target = port
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._end = asyncio.Event()

    @property
    def url(self) -> str:
        """For clients that speak HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def fall_silent(self) -> None:
        """Half-open: connections stay, new ones are taken, and no byte arrives anywhere."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """Everything that was held back arrives."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(DEADLINE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._end.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        server, request = await asyncio.open_connection("127.0.0.1", self._target)
        directions = [
            asyncio.create_task(self._ask(client, request, answer)),
            asyncio.create_task(self._pump(server, answer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in directions:
                task.cancel()
            for writer in (request, answer):
                writer.close()

    async def _ask(
        self, client: asyncio.StreamReader, request: asyncio.StreamWriter, answer: asyncio.StreamWriter
    ) -> None:
        if self.refusals and await client.read(BLOCK_BYTES):
            self.refusals -= 1
            self.refused += 1
            answer.write(SLOW_DOWN)
            await answer.drain()
            return
        await self._pump(client, request)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        gone = 0
        with contextlib.suppress(ConnectionError):
            while block := await source.read(BLOCK_BYTES):
                await self._flowing.wait()
                gone += len(block)
                if self.cut_after is not None and gone > self.cut_after:
                    return
                target.write(block)
                await target.drain()
