"""Log lines as JSON objects: control characters are escaped, and headers and bodies are never written."""

from __future__ import annotations

import logging

import structlog
from structlog.contextvars import bound_contextvars as bound
from structlog.contextvars import merge_contextvars

__all__ = ["bound", "configure"]
# bound: inside `with bound(request_id=...)` every line of this thread or task carries the fact, a library's lines too.


def configure(level: str) -> None:
    """Write everything that this process logs to standard error, one object a line."""
    shared: list[structlog.types.Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in ("uvicorn", "httpx"):  # httpx tells whole URLs, and a webhook's may hold a secret
        logging.getLogger(library).setLevel(logging.WARNING)
