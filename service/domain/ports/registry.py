"""The registry, as a store keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.domain.models import Alias, AliasMove, Model, Release, Repoint, Version
from service.domain.ports.base import Listing, Page


class Models(Protocol):
    """The registry."""

    def publish(self, release: Release, *, by: str | None = None) -> Version:
        """Make a version, and move its alias if it names one. Idempotent by model, job (or none) and ONNX hash.

        Raises NotFound for an unknown job.
        """
        ...

    def delete(self, model: str, version: int | None = None) -> None:
        """Forget a version, or all of a model's. One without versions is not found; its numbers are not given again.

        What is cached somewhere under a name and a number can so never come to mean another network.

        Raises Conflict while an alias points to it.
        """
        ...

    def sealed(self, mark: str) -> Sequence[Version]:
        """Versions whose seal begins with these characters."""
        ...

    def get(self, model: str) -> Model:
        """One model."""
        ...

    def list(self, page: Page) -> Listing[Model]:
        """Models by name."""
        ...

    def version(self, model: str, version: int) -> Version:
        """One version."""
        ...

    def versions(self, model: str, page: Page) -> Listing[Version]:
        """Versions of a model by number."""
        ...

    def alias(self, model: str, alias: str) -> Alias:
        """Where an alias points now."""
        ...

    def aliases(self, models: Sequence[str]) -> Mapping[str, Sequence[Alias]]:
        """Every alias of each of some models, by name. A model that is not there has none."""
        ...

    def move_alias(self, wish: Repoint) -> Alias | None:
        """Point an alias to a version, or nowhere, and write the history. Raises StalePrecondition.

        Pointing it to where it points already changes nothing. None: it points nowhere now.
        """
        ...

    def history(self, model: str, alias: str) -> Sequence[AliasMove]:
        """Every move of an alias, oldest first, of one that was removed too."""
        ...
