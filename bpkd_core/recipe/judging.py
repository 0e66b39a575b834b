"""The exported files judged, compared and drawn; then every file named by its hash."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.agreement import Relabelled
from bpkd_core.bundle import Bundle, NetworkResult, Reference, Result, Role, describe, write_atomically
from bpkd_core.evaluation import Predict
from bpkd_core.evaluation import evaluate as judge
from bpkd_core.foreign import ScoreSession
from bpkd_core.infer import Session
from bpkd_core.infer.latency import measure_latency
from bpkd_core.metrics import Quality
from bpkd_core.models.cost import count_gflops, count_parameters
from bpkd_core.picture import draw_examples
from bpkd_core.recipe.answers import judged_data, masks_of, open_judged
from bpkd_core.recipe.provenance import manifest, provenance
from bpkd_core.recipe.records import Prepared, TrainedNetwork, Verified
from bpkd_core.recipe.reporting import PAGE, QUALITY, report
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.verdict import compare, describe_network


def evaluate(shop: Workshop, prepared: Prepared, trained: Mapping[Role, TrainedNetwork], verified: Verified) -> Result:
    """Judge the exported files on the evaluation split, compare them, and draw them side by side."""
    sessions: dict[Role, Session | ScoreSession] = {role: open_judged(shop, role) for role in shop.roles}
    data = judged_data(shop, prepared, sessions)
    masks: dict[Role, Predict] = {role: masks_of(shop, role, session, data) for role, session in sessions.items()}
    count = shop.counter("evaluating")
    qualities: dict[Role, Quality] = {}
    networks: dict[Role, NetworkResult] = {}
    for index, (role, session) in enumerate(sessions.items()):
        offset = index * len(data)
        qualities[role] = judge(
            masks[role],
            data,
            progress=lambda done, _, offset=offset: count(offset + done, len(sessions) * len(data)),
        )
        parameters, gflops = measure_cost(shop, role, prepared)
        networks[role] = describe_network(
            qualities[role],
            arch=shop.arch(role),
            parameters=parameters,
            gflops=gflops,
            onnx_bytes=shop.onnx(role).stat().st_size,
            latency=measure_latency(session, prepared.image_hw),
            parity=verified.parity.get(role),
            steps=trained[role].steps if role in trained else None,
            train_seconds=trained[role].seconds if role in trained else None,
        )
    reference: Reference = "teacher" if isinstance(data, Relabelled) else "labels"
    write_atomically(shop.folder / "picture.png", draw_examples(data, dict[str, Predict](masks.items()), reference))
    method = shop.spec.method.type
    result = compare(networks, qualities, split=prepared.split, method=method, reference=reference)
    report(shop, data, prepared.split, qualities, masks, result, reference=reference)
    return result


def measure_cost(shop: Workshop, role: Role, prepared: Prepared) -> tuple[int, float | None]:
    """Parameters, and GFLOPs for an image of the evaluation's size where torch can count them."""
    if role not in shop.exported:
        return shop.probed().parameters, None
    net = shop.served(role, prepared)
    return count_parameters(net), count_gflops(net, prepared.image_hw)


def bundle(shop: Workshop, prepared: Prepared, result: Result) -> Bundle:
    """Name every file with its hash; from here on the run is complete."""
    write_atomically(shop.folder / "manifest.json", manifest(shop, prepared))
    names = [f"{role}.onnx" for role in shop.exported] + ["picture.png", QUALITY, PAGE, "manifest.json"]
    bundle = Bundle(
        result=result,
        classes=prepared.classes,
        dataset_sha256=prepared.dataset_sha256,
        provenance=provenance(shop, "student", prepared),
        files={name: describe(shop.folder / name) for name in names},
    )
    bundle.write(shop.folder)
    return bundle
