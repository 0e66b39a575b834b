"""The exported files judged, compared and drawn; then every file named by its hash."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bpkd_core.bundle import Bundle, NetworkResult, Result, Role, describe, write_atomically
from bpkd_core.evaluation import evaluate_session
from bpkd_core.infer import Session
from bpkd_core.infer.latency import measure_latency
from bpkd_core.metrics import Quality
from bpkd_core.recipe.provenance import manifest, provenance
from bpkd_core.recipe.records import Prepared, TrainedNetwork, Verified
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.verdict import compare, count_gflops, count_parameters, describe_network, draw_examples


def evaluate(shop: Workshop, prepared: Prepared, trained: Mapping[Role, TrainedNetwork], verified: Verified) -> Result:
    """Judge the exported files on the evaluation split, compare them, and draw them side by side."""
    data = shop.data(prepared.split)
    sessions: dict[Role, Session] = {role: Session(shop.folder / f"{role}.onnx") for role in shop.roles}
    count = shop.counter("evaluating")
    qualities: dict[Role, Quality] = {}
    networks: dict[Role, NetworkResult] = {}
    for index, (role, session) in enumerate(sessions.items()):
        offset = index * len(data)
        qualities[role] = evaluate_session(
            session, data, progress=lambda done, _, offset=offset: count(offset + done, len(sessions) * len(data))
        )
        net = shop.served(role, prepared)
        networks[role] = describe_network(
            qualities[role],
            arch=shop.arch(role),
            parameters=count_parameters(net),
            gflops=count_gflops(net, prepared.image_hw),
            onnx_bytes=(shop.folder / f"{role}.onnx").stat().st_size,
            latency=measure_latency(session, prepared.image_hw),
            parity=verified.parity[role],
            steps=trained[role].steps if role in trained else None,
            train_seconds=trained[role].seconds if role in trained else None,
        )
    write_atomically(shop.folder / "picture.png", draw_examples(data, sessions))
    quality = {role: quality.to_dict() for role, quality in qualities.items()}
    write_atomically(shop.folder / "quality.json", json.dumps(quality, indent=1).encode())
    return compare(networks, qualities, split=prepared.split, method=shop.spec.method.type)


def bundle(shop: Workshop, prepared: Prepared, result: Result) -> Bundle:
    """Name every file with its hash; from here on the run is complete."""
    write_atomically(shop.folder / "manifest.json", manifest(shop, prepared))
    names = [f"{role}.onnx" for role in shop.roles] + ["picture.png", "quality.json", "manifest.json"]
    bundle = Bundle(
        result=result,
        classes=prepared.classes,
        dataset_sha256=prepared.dataset_sha256,
        provenance=provenance(shop, "student", prepared),
        files={name: describe(shop.folder / name) for name in names},
    )
    bundle.write(shop.folder)
    return bundle
