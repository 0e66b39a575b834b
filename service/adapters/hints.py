"""Nudges to waiting workers: what both ends of a broker agree on, and what stands in where there is no broker."""

from __future__ import annotations

from typing import Literal

Kind = Literal["job", "dataset", "teacher"]

WAKE = "bpkd.wake"
"""The task that a hint sends; its argument is the :data:`Kind`."""
QUEUE = "bpkd"
BROKER_OPTIONS = {
    "socket_timeout": 30,  # a connection that died silently is noticed, and made anew
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "global_keyprefix": "bpkd:",
}


class NoHints:
    """The port Hints without a broker: the workers' own poll finds the work."""

    def hint(self, kind: Kind) -> None:
        """Say nothing."""
