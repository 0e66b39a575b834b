"""Image bytes in, mask out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.requests import ClientDisconnect

from service import schemas
from service.api.context import Here
from service.api.negotiation import choose
from service.domain.errors import DeadlineExceeded
from service.inference import MEDIA_TYPES, Question, Reply

router = APIRouter(prefix="/v1/models", tags=["inference"])
Timeout = Annotated[
    float | None, Header(gt=0, le=3600, description="seconds after which no answer is wanted; what waits is not begun")
]
BYTES = {"schema": {"type": "string", "format": "binary"}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": schemas.Prediction,
        "description": "The mask; X-Model, X-Prediction-Id, X-Execution-Provider and Server-Timing say who made it",
        "content": {"image/png": BYTES, "application/octet-stream": BYTES, "image/jpeg": BYTES},
    }
}
IMAGE_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": BYTES}}}


@router.post(
    "/{model}/infer",
    operation_id="models_infer",
    response_class=Response,
    responses=ANSWERS,
    openapi_extra=IMAGE_BODY,
)
async def infer(
    model: str,
    request: Request,
    here: Here,
    accept: Annotated[str, Header(max_length=1000, include_in_schema=False)] = "*/*",
    alias: Annotated[str | None, Query(max_length=64)] = None,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    request_timeout: Timeout = None,
) -> Response:
    """Send the bytes of a PNG, JPEG or WebP image and get its mask.

    `Accept` chooses a palette PNG (the default), raw class ids with X-Mask-Height, X-Mask-Width and X-Mask-Dtype, the
    areas of the classes as JSON, or an overlay as JPEG. Nothing is stored, so a repeat needs no Idempotency-Key.
    """
    media_type = choose(accept, MEDIA_TYPES)
    with here.runtime.pool.place():
        async with within(request_timeout):
            question = Question(request.state.request_id, model, await request.body(), media_type, alias, version)
            reply = await _unless_gone(request, here.runtime.ask(question))
    here.metrics.count_prediction(reply)
    return Response(reply.body, headers=_headers(reply), media_type=media_type)


@asynccontextmanager
async def within(seconds: float | None) -> AsyncGenerator[None, None]:
    """Give up after a time, None for never: what waits then is not begun. Raises DeadlineExceeded."""
    clock = asyncio.timeout(seconds)
    try:
        async with clock:
            yield
    except TimeoutError as error:
        if not clock.expired():  # somebody else's, a store's say
            raise
        raise DeadlineExceeded(f"There was no answer within the {seconds:g} s of `Request-Timeout`") from error


async def _unless_gone(request: Request, future: Future[Reply]) -> Reply:
    """The reply; but when the caller hangs up before its turn, the image is not worked on."""
    reply = asyncio.wrap_future(future)
    gone = asyncio.create_task(_hang_up(request))
    try:
        await asyncio.wait({reply, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            raise ClientDisconnect
        return reply.result()
    finally:
        reply.cancel()
        gone.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _headers(reply: Reply) -> Mapping[str, str]:
    height, width = reply.hw
    return {
        "X-Model": reply.tag,
        "X-Prediction-Id": reply.prediction_id,
        "X-Execution-Provider": reply.provider,
        "X-Mask-Height": str(height),
        "X-Mask-Width": str(width),
        "X-Mask-Dtype": reply.dtype,
        "Server-Timing": ", ".join(f"{stage};dur={each * 1000:.2f}" for stage, each in reply.seconds.items()),
        "Vary": "Accept",
    }
