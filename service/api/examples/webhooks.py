"""Webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.api.examples.base import AT, EVENT_ID, JOB_ID

WEBHOOK_ID = "wh_01kaf5zq4d8e9f0g1h2j3k4m5n"
ATTEMPT: Mapping[str, Any] = {"at": AT, "duration_ms": 84.2, "status": 204, "answer": "", "error": None}

BY_SCHEMA: Mapping[str, Any] = {
    "Webhook": {
        "object": "webhook",
        "id": WEBHOOK_ID,
        "url": "https://ci.example.org/hooks/bpkd",
        "events": ["job.succeeded", "job.failed"],
        "description": "continuous integration",
        "job": None,
        "secret": None,  # nosec B105  # the field, hidden
        "state": "active",
        "failing_since": None,
        "disabled_at": None,
        "disabled_reason": None,
        "created_at": AT,
    },
    "DeliveryAttempt": ATTEMPT,
    "Delivery": {
        "object": "delivery",
        "webhook": WEBHOOK_ID,
        "number": 7,
        "message_id": EVENT_ID,
        "type": "job.succeeded",
        "state": "delivered",
        "body": f'{{"type":"job.succeeded","timestamp":"{AT}","data":{{"job":"{JOB_ID}","status":"succeeded"}}}}',
        "attempts": [ATTEMPT],
        "next_attempt_at": None,
        "created_at": AT,
    },
}
