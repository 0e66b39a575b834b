from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bpkd_core.bundle import FileInfo
from service.domain.errors import StalePrecondition
from service.domain.models import Alias, AliasMove, MoveKind, Release, Repoint, version_before

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIVE = Alias("street", "live", 2, 5, NOW)


def history(*moves: tuple[MoveKind, int]) -> list[AliasMove]:
    return [
        AliasMove("street", "live", number, kind, None, version, NOW) for number, (kind, version) in enumerate(moves, 1)
    ]


def test_a_rollback_takes_the_last_promotion_back() -> None:
    """Whatever was promoted and rolled back in between is not gone back to."""
    assert version_before([]) is None
    assert version_before(history(("promote", 1))) is None
    assert version_before(history(("promote", 1), ("promote", 2))) == 1
    assert version_before(history(("promote", 1), ("promote", 2), ("promote", 3), ("rollback", 2))) == 1
    assert version_before(history(("promote", 1), ("promote", 2), ("rollback", 1))) is None
    assert version_before(history(("promote", 1), ("promote", 2), ("rollback", 1), ("promote", 3))) == 1


def test_going_back_and_forth_by_promotion_is_kept() -> None:
    """Promoting an old version is a decision of its own: a rollback leads to the one before the decision."""
    assert version_before(history(("promote", 1), ("promote", 2), ("promote", 1))) == 2


def test_a_move_raises_the_revision_and_remembers_where_it_came_from() -> None:
    """The history can be read without the alias, and the alias without the history."""
    move = Repoint("street", "live", 3, by="key_1", reason="better").move(LIVE, NOW)
    assert move == AliasMove("street", "live", 6, "promote", 2, 3, NOW, "key_1", "better")
    assert move.result == Alias("street", "live", 3, 6, NOW, "key_1")


def test_the_precondition_is_checked_before_anything_else() -> None:
    """Also when the version is live already: the caller's picture is wrong either way."""
    with pytest.raises(StalePrecondition, match="revision 5"):
        Repoint("street", "live", 2, expected_revision=4).move(LIVE, NOW)
    with pytest.raises(StalePrecondition, match="revision 0"):
        Repoint("street", "live", 2, expected_revision=1).move(None, NOW)
    assert Repoint("street", "live", 2, expected_revision=5).move(LIVE, NOW) is None


def test_a_release_without_alias_promotes_nothing() -> None:
    """Registering and serving are two decisions."""
    files = {"student.onnx": FileInfo(sha256="a" * 64, size=1)}
    release = Release("street", "job_1", "d" * 64, files, ())
    assert release.promotion(1, by=None) is None
    assert release.onnx_sha256 == "a" * 64


def test_an_alias_that_was_removed_starts_anew_but_counts_on() -> None:
    """A rollback never leads behind a removal, and an old ETag never fits a new alias."""
    removal = Repoint("street", "live", None, kind="remove").move(LIVE, NOW)
    assert removal is not None
    assert (removal.revision, removal.from_version, removal.to_version, removal.result) == (6, 2, None, None)
    again = Repoint("street", "live", 3, expected_revision=0).move(None, NOW, moves=6)
    assert again is not None
    assert (again.revision, again.from_version) == (7, None)
    assert version_before([*history(("promote", 1)), removal, again]) is None
