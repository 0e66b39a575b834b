"""Where a result comes from, in words that travel with it."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version

import torch

import bpkd_core
from bpkd_core.bundle import Role, describe
from bpkd_core.recipe.records import Prepared
from bpkd_core.recipe.workshop import Workshop

PACKAGES = ("torch", "onnx", "onnxruntime-gpu", "numpy")


def provenance(shop: Workshop, role: Role, prepared: Prepared) -> dict[str, str]:
    """Where an exported file comes from; stored inside it."""
    plan = shop.plan(role)
    facts = {
        "role": role,
        "arch": shop.arch(role),
        "method": shop.spec.method.type if role == "student" else "none",
        "dataset_sha256": prepared.dataset_sha256,
        "seed": str(plan.seed),
        "steps": str(prepared.steps.get(role, "")),
        "training_crop": "x".join(map(str, plan.crop)),
        "bpkd_version": bpkd_core.__version__,
        "torch_version": torch.__version__,
    }
    if role == "student":
        facts["teacher_sha256"] = describe(shop.weights("teacher")).sha256
    return {**shop.spec.provenance, **facts}


def manifest(shop: Workshop, prepared: Prepared) -> bytes:
    """The specification as it was resolved: enough to run it again."""
    probed = shop.folder / "stages" / "probing_teacher.json"
    manifest = {
        "spec": shop.spec.model_dump(mode="json"),
        "prepared": prepared.model_dump(mode="json", exclude={"spec"}),
        "probed": json.loads(probed.read_text("utf-8")) if probed.exists() else None,
    }
    return json.dumps({**manifest, "versions": versions()}, indent=1).encode()


def versions() -> dict[str, str]:
    """What a result may depend on, for the manifest."""
    return {
        "bpkd": bpkd_core.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
