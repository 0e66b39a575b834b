"""The port Models, on every store."""

from __future__ import annotations

import pytest
from stores import Stores, release

from bpkd_core.errors import InvalidInput
from service.domain.errors import Conflict, NotFound, StalePrecondition
from service.domain.models import Version
from service.domain.ports import Page
from service.domain.registry import promote, rollback


def publish(stores: Stores, *, model: str = "street", alias: str | None = None) -> Version:
    return stores.models.publish(release(stores.add_job(), model=model, alias=alias))


def test_versions_are_numbered_per_model_and_come_back_whole(stores: Stores) -> None:
    """`street@2` means one network forever."""
    one, two, other = publish(stores), publish(stores), publish(stores, model="field")
    assert [one.version, two.version, other.version] == [1, 2, 1]
    assert stores.models.version("street", 2) == two
    assert two.result == {"verdict": "yes", "miou": 0.7}
    assert two.classes[0].name == "road"
    assert stores.models.get("street").latest == 2
    assert stores.models.get("street").created_at == one.created_at


def test_publishing_the_same_network_of_the_same_job_again_gives_the_same_version(stores: Stores) -> None:
    """A worker that repeats its publication must not make a second version."""
    job = stores.add_job()
    first = stores.models.publish(release(job, alias="live"))
    assert stores.models.publish(release(job, alias="live")) == first
    assert stores.models.publish(release(job, onnx="b")).version == 2
    assert stores.models.publish(release(stores.add_job())).version == 3


def test_publishing_for_an_unknown_job_is_refused_whole(stores: Stores) -> None:
    """No version without its provenance, and no model without a version."""
    with pytest.raises(NotFound, match="job_"):
        stores.models.publish(release(stores.draft()))
    assert stores.models.list(Page()).data == ()


def test_what_is_not_there_is_not_found(stores: Stores) -> None:
    """Every lookup says what is missing."""
    publish(stores)
    for look in (
        lambda: stores.models.get("nope"),
        lambda: stores.models.version("nope", 1),
        lambda: stores.models.version("street", 0),
        lambda: stores.models.version("street", 2),
        lambda: stores.models.version("street", 2**62),
        lambda: stores.models.versions("nope", Page()),
        lambda: stores.models.alias("street", "nope"),
        lambda: stores.models.alias("nope", "live"),
        lambda: stores.models.history("street", "nope"),
        lambda: promote(stores.models, "street", "live", 2),
        lambda: promote(stores.models, "nope", "live", 1),
    ):
        with pytest.raises(NotFound):
            look()


def test_lists_page_by_name_and_by_number(stores: Stores) -> None:
    """Numbers sort as numbers: version 10 comes after version 9."""
    for name in ("b-2", "B", "a_1", "b"):
        publish(stores, model=name)
    assert [model.name for model in stores.models.list(Page(order="asc")).data] == ["B", "a_1", "b", "b-2"]
    page = stores.models.list(Page(limit=2, after="b"))
    assert ([model.name for model in page.data], page.has_more) == (["a_1", "B"], False)
    for _ in range(11):
        publish(stores)
    page = stores.models.versions("street", Page(limit=3, after="9", order="asc"))
    assert ([version.version for version in page.data], page.has_more) == ([10, 11], False)
    page = stores.models.versions("street", Page(limit=1))
    assert ([version.version for version in page.data], page.has_more) == ([11], True)
    with pytest.raises(InvalidInput, match="nine"):
        stores.models.versions("street", Page(after="nine"))


def test_promotion_moves_the_alias_and_writes_history(stores: Stores) -> None:
    """Who served what, since when and why can be answered later."""
    publish(stores), publish(stores)
    first = promote(stores.models, "street", "live", 1, by="key_1", reason="first")
    second = promote(stores.models, "street", "live", 2, by="key_2")
    assert (first.version, first.revision) == (1, 1)
    assert second == stores.models.alias("street", "live")
    assert (second.version, second.revision, second.moved_by) == (2, 2, "key_2")
    moves = stores.models.history("street", "live")
    assert [(move.kind, move.from_version, move.to_version, move.by, move.reason) for move in moves] == [
        ("promote", None, 1, "key_1", "first"),
        ("promote", 1, 2, "key_2", None),
    ]


def test_promoting_what_is_live_changes_nothing(stores: Stores) -> None:
    """A repeated call is no second move, and its ETag stays good."""
    publish(stores, alias="live")
    before = stores.models.alias("street", "live")
    assert promote(stores.models, "street", "live", 1) == before
    assert len(stores.models.history("street", "live")) == 1


def test_a_stale_promotion_is_refused(stores: Stores) -> None:
    """Two people promote at once: the second one decided on what is no longer so."""
    publish(stores), publish(stores)
    with pytest.raises(StalePrecondition):
        promote(stores.models, "street", "live", 1, expected_revision=1)
    promote(stores.models, "street", "live", 1, expected_revision=0)
    with pytest.raises(StalePrecondition):
        promote(stores.models, "street", "live", 2, expected_revision=0)
    assert promote(stores.models, "street", "live", 2, expected_revision=1).revision == 2
    with pytest.raises(StalePrecondition):
        rollback(stores.models, "street", "live", expected_revision=1)
    assert stores.models.alias("street", "live").version == 2


def test_each_rollback_goes_one_further_back(stores: Stores) -> None:
    """An operator who rolls back twice wants the version before the bad one before, not the bad one again."""
    for _ in range(3):
        publish(stores, alias="live")
    assert rollback(stores.models, "street", "live", reason="worse at night").version == 2
    assert rollback(stores.models, "street", "live").version == 1
    with pytest.raises(Conflict):
        rollback(stores.models, "street", "live")
    promote(stores.models, "street", "live", 3)
    assert rollback(stores.models, "street", "live").version == 1
    kinds = [move.kind for move in stores.models.history("street", "live")]
    assert kinds == ["promote"] * 3 + ["rollback"] * 2 + ["promote", "rollback"]


def test_aliases_are_listed_by_name(stores: Stores) -> None:
    """A model's page shows what points where."""
    publish(stores, alias="live"), publish(stores, alias="candidate"), publish(stores, model="field", alias="live")
    found = stores.models.aliases(["street", "nope"])
    assert [(alias.alias, alias.version) for alias in found["street"]] == [("candidate", 2), ("live", 1)]
    assert (found["nope"], stores.models.aliases([])) == ([], {})
