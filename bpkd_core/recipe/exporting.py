"""The files that will be served, and the proof that they say what torch says."""

from __future__ import annotations

from bpkd_core.bundle import ParityResult, Role
from bpkd_core.data import IGNORE_INDEX
from bpkd_core.export import check_parity, export_onnx
from bpkd_core.recipe.provenance import provenance
from bpkd_core.recipe.records import Exported, Prepared, Verified
from bpkd_core.recipe.workshop import Workshop


def export(shop: Workshop, prepared: Prepared) -> Exported:
    """Write each network as the ONNX file that will be measured and served."""
    sha256: dict[Role, str] = {}
    for role in shop.exported:
        info = export_onnx(
            shop.served(role, prepared),
            shop.folder / f"{role}.onnx",
            classes=prepared.classes,
            ignore_index=IGNORE_INDEX,
            metadata=provenance(shop, role, prepared),
            outputs=shop.spec.export.outputs,
        )
        sha256[role] = info.sha256
        shop.counter("exporting")(len(sha256), len(shop.exported))
    return Exported(sha256=sha256)


def verify(shop: Workshop, prepared: Prepared) -> Verified:
    """Run torch and onnxruntime side by side; refuse a file that says something else."""
    results: dict[Role, ParityResult] = {}
    for role in shop.exported:
        parity = check_parity(shop.served(role, prepared), shop.folder / f"{role}.onnx")
        parity.raise_if_bad()
        results[role] = ParityResult(
            max_abs_logit_diff=parity.max_abs_logit_diff,
            argmax_agreement=parity.argmax_agreement,
            mask_agreement=parity.mask_agreement,
            sizes=sorted({case.hw for case in parity.cases}),
            batches=sorted({case.batch for case in parity.cases}),
        )
        shop.counter("verifying")(len(results), len(shop.exported))
    return Verified(parity=results)
