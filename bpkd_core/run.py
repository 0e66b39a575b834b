"""The recipe, read top to bottom: prepare -> probe -> train -> export -> verify -> evaluate -> bundle.

Everything a run knows lies in its working folder, so a run that was killed goes on where it was: a finished stage left
`stages/<stage>.json` and is not repeated, a training goes on from its newest checkpoint.

::

    stages/*.json        the outcome of each finished stage
    checkpoints/<role>/  step-*.pt and index.json
    networks/<role>.safetensors
    <role>.onnx          teacher, student, and control if one was trained; no teacher that was an ONNX file already
    metrics.log          what the trainings measured while they ran
    previews/*.png       a few validation images, at each evaluation
    picture.png  quality.json  report.html  manifest.json
    bundle.json          written last: the run is complete
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from bpkd_core.bundle import Bundle, Result, Role
from bpkd_core.errors import InvalidSpec
from bpkd_core.events import Emit
from bpkd_core.recipe.exporting import export, verify
from bpkd_core.recipe.judging import bundle, evaluate
from bpkd_core.recipe.preparing import expected_seconds, prepare
from bpkd_core.recipe.records import Exported, Prepared, Probed, ProbedFile, TrainedNetwork, Verified
from bpkd_core.recipe.reporting import CURVES
from bpkd_core.recipe.teaching import probe_teacher
from bpkd_core.recipe.training import train_network
from bpkd_core.recipe.workshop import TRAINING, Workshop
from bpkd_core.report import recording
from bpkd_core.spec import DistillSpec, OnnxTeacher
from bpkd_core.stages import Stages
from bpkd_core.train.distributed import ALONE, Group


def run(
    spec: DistillSpec,
    folder: Path,
    emit: Emit = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
    group: Group = ALONE,
) -> Bundle:
    """Distil as `spec` says, in `folder`, and return the finished bundle.

    Calling it again with the same arguments goes on after a crash, and returns at once when the bundle is complete.
    emit is told what happens; stop is asked often, and when it is true the run raises Stopped with a checkpoint
    written. group: the processes of this run, of which this is the first; the others call
    :func:`bpkd_core.recipe.training.assist`. Raises the errors of bpkd_core.errors: InvalidSpec for a folder that was
    begun with another specification, InvalidDataset before anything is trained, InvalidCheckpoint for the teacher,
    Diverged, ParityFailed.
    """
    stages = Stages(folder / "stages", emit, stop)
    shop = Workshop(spec, folder, recording(stages.emit, folder / CURVES), stop, group)

    prepared = stages.once("preparing_data", Prepared, lambda: prepare(shop))
    if not prepared.spec.same_run(spec):
        raise InvalidSpec(f"{folder} holds the run of another specification; expected that one, or a new folder.")
    if (folder / "bundle.json").exists():
        return Bundle.read(folder)
    torch.set_num_threads(prepared.threads)
    stages.expect(expected_seconds(shop, prepared))
    if shop.trains_teacher:
        stages.skip("probing_teacher")
    else:
        kind = ProbedFile if isinstance(spec.teacher, OnnxTeacher) else Probed
        probed = stages.once("probing_teacher", kind, lambda: probe_teacher(shop, prepared))
        shop.require_teacher(probed.sha256)
    trained: dict[Role, TrainedNetwork] = {}
    for role, stage in TRAINING.items():
        if prepared.steps.get(role):
            trained[role] = stages.once(stage, TrainedNetwork, lambda role=role: train_network(shop, role, prepared))
        else:
            stages.skip(stage)
    stages.once("exporting", Exported, lambda: export(shop, prepared))
    verified = stages.once("verifying", Verified, lambda: verify(shop, prepared))
    result = stages.once("evaluating", Result, lambda: evaluate(shop, prepared, trained, verified))
    return bundle(shop, prepared, result)
