"""How many steps fit, once what is spent already is taken off."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.specks import speck_spec

from bpkd_core.recipe.preparing import choose_steps
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import parse_spec
from bpkd_core.train.pace import fixed_seconds


@pytest.mark.usefixtures("specks")
def test_what_preparing_took_is_not_trained_in_again(tmp_path: Path) -> None:
    """Twenty thousand images are checked for minutes, and a budget of minutes is a promise."""
    spec = parse_spec(speck_spec(tmp_path, budget_minutes=10))
    shop = Workshop(spec, tmp_path, lambda _: None, lambda: False)
    spent_s = 600 - fixed_seconds(3, 2) - 120
    steps = choose_steps(shop, {"teacher": 1.0, "control": 0.5, "student": 0.5}, 2, spent_s=spent_s)
    assert steps == {"teacher": 60, "control": 60, "student": 60}
