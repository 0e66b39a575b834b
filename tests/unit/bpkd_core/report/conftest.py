"""Reports of models whose errors are drawn, on a few scenes in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.spoiled import DATA, MODELS

from bpkd_core.evaluation import Predict, evaluate
from bpkd_core.report import Reference, Report, write_report


@pytest.fixture(scope="session")
def report_of() -> Callable[..., Report]:
    """`report_of(name=predict, ...)`: a report of such models on five drawn scenes."""

    def make(reference: Reference = "labels", **models: Predict) -> Report:
        return write_report(
            {name: evaluate(predict, DATA) for name, predict in models.items()},
            title="a run",
            dataset="specks",
            split="test",
            classes=DATA.classes,
            names=DATA.names,
            reference=reference,
        )

    return make


@pytest.fixture(scope="session")
def report(report_of: Callable[..., Report]) -> Report:
    """Teacher, control and student."""
    return report_of(**MODELS)
