"""A teacher tried on its own, before there is a run: what `python -m bpkd_core probe` does."""

from __future__ import annotations

from bpkd_core.agreement import blind
from bpkd_core.data import FolderDataset
from bpkd_core.data.layout import open_layout
from bpkd_core.foreign.findings import Probe
from bpkd_core.foreign.probe import probe_file
from bpkd_core.spec import OnnxTeacher
from bpkd_core.spec.probing import ProbeSpec


def probe(spec: ProbeSpec) -> Probe:
    """Try a teacher on a split of a dataset; where that has no labels, only whether it can be run.

    Raises InvalidModel for an ONNX file and InvalidCheckpoint for weights that are unsafe or no teacher at all,
    InvalidSpec for a map of classes that does not fit, and InvalidDataset; what is wrong by its numbers is in the
    findings.
    """
    layout = open_layout(spec.dataset, spec.layout)
    split = layout.evaluation_split if spec.split == "test" else spec.split
    labelled = any(pair.labelled for pair in layout.pairs(split))
    images = FolderDataset(spec.dataset, split, layout=spec.layout, unlabelled="drop" if labelled else "only")
    data = images if labelled else blind(images)
    if isinstance(spec.teacher, OnnxTeacher):
        return probe_file(spec.teacher, data, search=labelled, timeout_s=spec.timeout_s)
    from bpkd_core.recipe.probing import probe_checkpoint  # torch: an ONNX file needs none

    return probe_checkpoint(spec.teacher, data, search=labelled)
