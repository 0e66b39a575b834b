"""No nudges: where there is no broker, the workers' own poll finds the work."""

from __future__ import annotations

from typing import Literal


class NoHints:
    """The port Hints without a broker."""

    def hint(self, kind: Literal["job", "dataset"]) -> None:
        """Say nothing."""
