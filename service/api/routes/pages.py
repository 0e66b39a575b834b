"""Pages for people, written by the server itself so that they work offline."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse

from service.api import pages

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root() -> RedirectResponse:
    """Where a browser begins."""
    return RedirectResponse("/docs")


@router.get("/problems/{code}")
async def problem(code: str) -> HTMLResponse:
    """What an error code means."""
    return HTMLResponse(pages.problem(code))


@router.get("/problems")
async def problems() -> HTMLResponse:
    """Every error code."""
    return HTMLResponse(pages.problems())


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every operation."""
    return HTMLResponse(pages.operations(request.app.openapi()))
