"""One exported file for all tests that only read it."""

from __future__ import annotations

import pytest
from fakes.tiny import TinyNet, named, tiny_net

from bpkd_core.export import ExportInfo, export_onnx


@pytest.fixture(scope="session")
def net() -> TinyNet:
    return tiny_net()


@pytest.fixture(scope="session")
def exported(net: TinyNet, tmp_path_factory: pytest.TempPathFactory) -> ExportInfo:
    """The network with every output that there is."""
    path = tmp_path_factory.mktemp("export") / "tiny.onnx"
    outputs = ("mask", "confidence", "logits")
    return export_onnx(net, path, classes=named(5), metadata={"job": "job_1", "name": "Straße"}, outputs=outputs)
