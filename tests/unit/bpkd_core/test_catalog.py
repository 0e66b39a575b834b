"""Names, what stands behind them, and how other packages join."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpkd_core import catalog
from bpkd_core.catalog import BUILT_IN, Kind
from bpkd_core.errors import InvalidInput, UnknownName

ROWS = [(kind, name) for kind, table in BUILT_IN.items() for name in table]


@pytest.mark.parametrize(("kind", "name"), ROWS)
def test_every_row_leads_to_something_callable(kind: Kind, name: str) -> None:
    """The table is text: nothing but this would notice a renamed function."""
    assert callable(catalog.load(kind, name))


def test_an_unknown_name_is_refused_with_the_nearest_in_the_callers_words() -> None:
    """The API calls a network a student and knows the field; the catalog does not."""
    with pytest.raises(UnknownName, match=r'Unknown student "pspnet18"\. Did you mean "pspnet_r18"') as caught:
        catalog.require("models", "pspnet18", word="student", param="student.arch")
    assert caught.value.param == "student.arch"
    with pytest.raises(UnknownName, match=r'Unknown method "bpdk"\. Did you mean "bpkd"'):
        catalog.load("methods", "bpdk")


def test_a_network_of_another_package_has_a_name_like_ours(specks: None) -> None:
    """One who installs a plug-in can name its network in a job the next moment."""
    assert "speck" in catalog.names("models")
    assert catalog.names("models") == sorted(catalog.names("models"))
    assert catalog.require("models", "speck") == "speck"
    assert catalog.load("models", "speck")(num_classes=3).num_classes == 3


def test_a_package_cannot_take_a_built_in_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bpkd` must mean the method of the paper, whatever else is installed."""
    package = tmp_path / "squatter-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: squatter\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[bpkd.methods]\nbpkd = os:getcwd\nmine = os:getcwd\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert catalog.names("methods") == sorted([*catalog.METHODS, "mine"])
    assert catalog.load("methods", "bpkd").__name__ == "BoundaryPrivilegedKD"
    assert catalog.load("methods", "mine").__name__ == "getcwd"


def test_a_method_on_features_is_refused_before_training_where_there_are_none() -> None:
    """An ONNX teacher gives scores only; the sentence names what would work with it."""
    catalog.require_features("skd")
    catalog.require_features("dist", student=False, teacher=False)
    with pytest.raises(
        InvalidInput, match=r'"skd" compares features, and this teacher .* kd, cwd, bpkd, dist'
    ) as caught:
        catalog.require_features("skd", teacher=False)
    assert caught.value.param == "method.type"
    with pytest.raises(InvalidInput, match=r'"mgd" compares features, and this student '):
        catalog.require_features("mgd", student=False)
