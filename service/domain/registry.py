"""Which version serves: promotion and rollback are one move of an alias, and every move is kept."""

from __future__ import annotations

from service.domain.errors import Conflict
from service.domain.models import Alias, version_before
from service.domain.ports import Models


def promote(
    models: Models,
    model: str,
    alias: str,
    version: int,
    *,
    expected_revision: int | None = None,
    by: str | None = None,
    reason: str | None = None,
) -> Alias:
    """Point an alias to a version. Raises StalePrecondition if it moved since `expected_revision`."""
    return models.move_alias(
        model, alias, version, kind="promote", expected_revision=expected_revision, by=by, reason=reason
    )


def rollback(
    models: Models,
    model: str,
    alias: str,
    *,
    expected_revision: int | None = None,
    by: str | None = None,
    reason: str | None = None,
) -> Alias:
    """Point an alias to the version that was live before. A second rollback goes one further back.

    Raises Conflict when nothing is left to go back to, and StalePrecondition if the alias moved meanwhile.
    """
    moves = models.history(model, alias)
    revision = moves[-1].revision
    target = version_before(moves)
    if target is None:
        raise Conflict(
            f'Alias "{alias}" of model "{model}" has no earlier version to go back to', hint="Promote another version."
        )
    seen = revision if expected_revision is None else expected_revision
    return models.move_alias(model, alias, target, kind="rollback", expected_revision=seen, by=by, reason=reason)
