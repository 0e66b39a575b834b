"""Uploads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BY_SCHEMA: Mapping[str, Any] = {
    "Upload": {"object": "upload", "offset": 1_048_576, "total": 5_000_000},
}
