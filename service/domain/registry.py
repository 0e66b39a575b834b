"""Which version serves: promotion and rollback are one move of an alias, and every move is kept."""

from __future__ import annotations

from service.domain.errors import Conflict
from service.domain.models import Alias, Repoint, check_revision, version_before
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
    """Point an alias to a version. Raises StalePrecondition if it moved since `expected_revision` (0: must be new)."""
    return models.move_alias(Repoint(model, alias, version, expected_revision=expected_revision, by=by, reason=reason))


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
    check_revision(model, alias, revision, expected_revision)
    target = version_before(moves)
    if target is None:
        raise Conflict(
            f'Alias "{alias}" of model "{model}" has no earlier version to go back to', hint="Promote another version."
        )
    return models.move_alias(
        Repoint(model, alias, target, kind="rollback", expected_revision=revision, by=by, reason=reason)
    )
