from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.domain import checks, datasets
from service.domain.datasets import Dataset, Findings
from service.domain.errors import Conflict

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEW = Dataset("ds_1", "streets", "/data", NOW)
HELD = checks.claim(NEW, NOW, owner="w1", lease_s=60)


def test_a_dataset_waits_until_it_is_claimed_or_concluded() -> None:
    """`waits` is what the claim's query asks."""
    ready = datasets.conclude(HELD, NOW, findings=Findings(True, {"ok": True}))
    assert [NEW.waits, HELD.waits, ready.waits, checks.give_back(HELD, NOW).waits] == [True, False, False, True]


def test_what_does_not_wait_cannot_be_claimed() -> None:
    """A store that offers it has a bug."""
    for dataset in (HELD, datasets.conclude(HELD, NOW, findings=Findings(False, {}))):
        with pytest.raises(Conflict):
            checks.claim(dataset, NOW, owner="w2", lease_s=60)


def test_findings_become_the_record() -> None:
    """A refused dataset keeps its report: it says what to mend."""
    findings = Findings(False, {"ok": False, "findings": [1]}, sha256="d" * 64, splits={"train": 2})
    refused = datasets.conclude(HELD, NOW, findings=findings)
    assert (refused.state, refused.report, refused.splits, refused.checked_at) == (
        "refused",
        findings.report,
        {"train": 2},
        NOW,
    )
    assert refused.lease.owner is None


def test_the_third_death_refuses() -> None:
    """Two more tries, then a person must look."""
    dataset = HELD
    for attempt in (2, 3):
        dataset = checks.recover(dataset, NOW, reason="killed")
        assert (dataset.state, dataset.attempt) == ("validating", attempt)
    assert checks.recover(dataset, NOW, reason="killed").state == "refused"
