"""The server and its workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples.base import AT, JOB_ID

BY_SCHEMA: Mapping[str, Any] = {
    "Worker": {
        "object": "worker",
        "id": "host-a:4711",
        "host": "host-a",
        "pid": 4711,
        "version": "0.1.0",
        "started_at": AT,
        "seen_at": AT,
        "holds": [JOB_ID],
    },
    "Queue": {"object": "queue", "queued": 3, "running": 1, "oldest_s": 42.5, "workers": 1},
    "Health": {"object": "health", "status": "ok"},
    "ServerVersion": {"object": "version", "version": "0.1.0", "api": "v1", "onnx_contract": "1"},
}
