"""Which version serves: promotion, rollback and removal are one move of an alias, and every move is kept."""

from __future__ import annotations

from service.domain.errors import Conflict, NotFound
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
    wish = Repoint(model, alias, version, expected_revision=expected_revision, by=by, reason=reason)
    return _there(models.move_alias(wish), model, alias)


def remove(
    models: Models, model: str, alias: str, *, expected_revision: int | None = None, by: str | None = None
) -> None:
    """Let an alias point nowhere; its history stays. Raises NotFound and StalePrecondition."""
    models.alias(model, alias)
    models.move_alias(Repoint(model, alias, None, kind="remove", expected_revision=expected_revision, by=by))


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
    now = models.alias(model, alias)
    check_revision(model, alias, now.revision, expected_revision)
    target = version_before(models.history(model, alias))
    if target is None:
        raise _nowhere(model, alias, "has no earlier version to go back to")
    wish = Repoint(model, alias, target, kind="rollback", expected_revision=now.revision, by=by, reason=reason)
    try:
        return _there(models.move_alias(wish), model, alias)
    except NotFound as error:
        raise _nowhere(model, alias, f"was at version {target} before, which has been deleted") from error


def _nowhere(model: str, alias: str, why: str) -> Conflict:
    return Conflict(f'Alias "{alias}" of model "{model}" {why}', hint="Promote another version.")


def _there(moved: Alias | None, model: str, alias: str) -> Alias:
    if moved is None:
        raise NotFound.of("alias", f"{model}@{alias}")
    return moved
