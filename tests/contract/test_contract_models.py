"""The port Models, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stores import Stores, release

from bpkd_core.errors import InvalidInput
from service.domain.errors import Conflict, NotFound, StalePrecondition
from service.domain.gates import Gate
from service.domain.models import Version
from service.domain.ports import Page
from service.domain.registry import promote, remove, rollback


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


def test_a_file_that_no_job_made_becomes_a_version_once(stores: Stores) -> None:
    """An import that is repeated must not make a second version; the same file of a job is another thing."""
    imported = replace(release(stores.draft()), job_id=None, dataset_sha256=None, created_by="key_1", seal="ab" * 32)
    first = stores.models.publish(imported)
    assert (first.job_id, first.dataset_sha256, first.created_by) == (None, None, "key_1")
    assert stores.models.publish(replace(imported, seal="cd" * 32)) == first == stores.models.version("street", 1)
    assert publish(stores).version == 2


def test_a_version_keeps_its_gates_and_is_found_by_its_seal(stores: Stores) -> None:
    """What it had to reach stands beside what it reached, and a prediction's id leads to who made it."""
    gates = (Gate("miou_min", 0.5, 0.7), Gate("boundary_iou_min", 0.1, None))
    sealed = stores.models.publish(replace(release(stores.add_job()), gates=gates, seal="ab" * 32))
    publish(stores)
    assert stores.models.version("street", 1).gates == gates
    assert stores.models.sealed("abab") == [sealed]
    assert stores.models.sealed("abac") == []


def test_what_an_alias_names_cannot_be_deleted(stores: Stores) -> None:
    """Nobody deletes by mistake what is being served."""
    publish(stores, alias="live"), publish(stores)
    for version in (1, None):
        with pytest.raises(Conflict, match='alias "live" points to version 1'):
            stores.models.delete("street", version)
    stores.models.delete("street", 2)
    assert [each.version for each in stores.models.versions("street", Page()).data] == [1]


def test_the_number_of_a_deleted_version_is_not_given_again(stores: Stores) -> None:
    """`street@2` in somebody's notes must not come to mean another network."""
    publish(stores), publish(stores)
    stores.models.delete("street", 2)
    for gone in (2, 3):
        with pytest.raises(NotFound):
            stores.models.version("street", gone)
        with pytest.raises(NotFound):
            stores.models.delete("street", gone)
    assert publish(stores).version == 3


def test_a_deleted_model_is_gone_until_it_has_a_version_again(stores: Stores) -> None:
    """Its numbers go on: another process may still hold `street@1` in memory, and must not serve it for the new one."""
    publish(stores, alias="live"), publish(stores, model="field", alias="live")
    remove(stores.models, "street", "live")
    stores.models.delete("street")
    for look in (lambda: stores.models.get("street"), lambda: stores.models.history("street", "live")):
        with pytest.raises(NotFound):
            look()
    with pytest.raises(NotFound):
        stores.models.delete("street")
    assert [model.name for model in stores.models.list(Page()).data] == ["field"]
    assert publish(stores, alias="live").version == 2
    assert stores.models.alias("street", "live").revision == 3
    assert stores.models.alias("field", "live").version == 1


def test_a_removed_alias_leaves_its_history(stores: Stores) -> None:
    """Who took a model out of service is the question that comes the next morning."""
    publish(stores, alias="live")
    with pytest.raises(StalePrecondition):
        remove(stores.models, "street", "live", expected_revision=7)
    remove(stores.models, "street", "live", expected_revision=1, by="key_1")
    assert stores.models.aliases(["street"]) == {"street": []}
    for look in (lambda: stores.models.alias("street", "live"), lambda: remove(stores.models, "street", "live")):
        with pytest.raises(NotFound):
            look()
    assert promote(stores.models, "street", "live", 1, expected_revision=0).revision == 3
    moves = stores.models.history("street", "live")
    assert [(move.kind, move.from_version, move.to_version, move.by) for move in moves][1:] == [
        ("remove", 1, None, "key_1"),
        ("promote", None, 1, None),
    ]
    with pytest.raises(Conflict, match="no earlier version"):
        rollback(stores.models, "street", "live")


def test_a_rollback_to_a_deleted_version_is_a_conflict(stores: Stores) -> None:
    """And says so, instead of "not found" for an alias that is there."""
    publish(stores, alias="live"), publish(stores, alias="live")
    stores.models.delete("street", 1)
    with pytest.raises(Conflict, match="has been deleted"):
        rollback(stores.models, "street", "live")
    assert stores.models.alias("street", "live").version == 2
