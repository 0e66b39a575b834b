"""The recipe, read top to bottom: prepare -> probe -> train -> export -> verify -> evaluate -> bundle.

Everything a run knows lies in its working folder, so a run that was killed goes on where it was: a finished stage left
`stages/<stage>.json` and is not repeated, a training goes on from its newest checkpoint.

::

    stages/*.json        the outcome of each finished stage
    checkpoints/<role>/  step-*.pt and index.json
    networks/<role>.safetensors
    <role>.onnx          teacher, student, and control if one was trained
    picture.png  quality.json  manifest.json
    bundle.json          written last: the run is complete
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors

import bpkd_core
from bpkd_core.bundle import (
    Bundle,
    ClassInfo,
    NetworkResult,
    ParityResult,
    Result,
    Role,
    Value,
    describe,
    write_atomically,
)
from bpkd_core.data import IGNORE_INDEX, FolderDataset, evaluation_split
from bpkd_core.data.layout import Split
from bpkd_core.data.validate import check
from bpkd_core.errors import InvalidSpec
from bpkd_core.evaluation import evaluate_session
from bpkd_core.events import Emit, Event, Stage
from bpkd_core.export import check_parity, export_onnx
from bpkd_core.infer import Session
from bpkd_core.infer.latency import measure_latency
from bpkd_core.methods import get_method
from bpkd_core.metrics import Quality
from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.base import SegmentationNet, downscaled
from bpkd_core.spec import CheckpointTeacher, DistillSpec, Train
from bpkd_core.stages import Stages
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.loop import Distillation, train
from bpkd_core.train.pace import fit_budget, fixed_seconds, measure_step
from bpkd_core.train.validation import measure_miou
from bpkd_core.verdict import compare, count_gflops, count_parameters, describe_network, draw_examples, versions

POOR_TEACHER_MIOU = 0.2
REPORT_EVERY_S = 2.0
TRAINING: dict[Role, Stage] = {
    "teacher": "training_teacher",
    "control": "training_control",
    "student": "training_student",
}


class Prepared(Value):
    """What was learnt of the data and the machine before anything was trained.

    threads: torch's, for the whole run; their number decides the order of sums, and with it the last bits.
    """

    spec: DistillSpec
    dataset_sha256: str
    classes: list[ClassInfo]
    split: Split
    image_hw: tuple[int, int]
    images: int
    step_seconds: dict[Role, float]
    steps: dict[Role, int]
    threads: int


class Probed(Value):
    """A given teacher, tried on a few validation images."""

    sha256: str
    val_miou: float


class TrainedNetwork(Value):
    """A training that is over."""

    steps: int
    seconds: float
    best_val_miou: float | None


class Verified(Value):
    """Every exported file, compared with torch."""

    parity: dict[Role, ParityResult]


class Exported(Value):
    """Every exported file, by its hash."""

    sha256: dict[Role, str]


def run(
    spec: DistillSpec, folder: Path, emit: Emit = lambda _: None, stop: Callable[[], bool] = lambda: False
) -> Bundle:
    """Distil as `spec` says, in `folder`, and return the finished bundle.

    Calling it again with the same arguments goes on after a crash, and returns at once when the bundle is complete.
    emit is told what happens; stop is asked often, and when it is true the run raises Stopped with a checkpoint
    written. Raises the errors of bpkd_core.errors: InvalidSpec for a folder that was begun with another specification,
    InvalidDataset before anything is trained, InvalidCheckpoint for the teacher, Diverged, ParityFailed.
    """
    stages = Stages(folder / "stages", emit, stop)
    recipe = Recipe(spec, folder, stages.emit, stop)

    prepared = stages.once("preparing_data", Prepared, recipe.prepare)
    if prepared.spec != spec:
        raise InvalidSpec(f"{folder} holds the run of another specification; expected that one, or a new folder.")
    if (folder / "bundle.json").exists():
        return Bundle.read(folder)
    torch.set_num_threads(prepared.threads)
    stages.expect(recipe.expected_seconds(prepared))
    if isinstance(spec.teacher, CheckpointTeacher):
        stages.once("probing_teacher", Probed, lambda: recipe.probe_teacher(prepared))
    else:
        stages.skip("probing_teacher")
    trained: dict[Role, TrainedNetwork] = {}
    for role, stage in TRAINING.items():
        if prepared.steps.get(role):
            trained[role] = stages.once(stage, TrainedNetwork, lambda role=role: recipe.train(role, prepared))
        else:
            stages.skip(stage)
    stages.once("exporting", Exported, lambda: recipe.export(prepared))
    verified = stages.once("verifying", Verified, lambda: recipe.verify(prepared))
    result = stages.once("evaluating", Result, lambda: recipe.evaluate(prepared, trained, verified))
    return recipe.bundle(prepared, result)


@dataclass(frozen=True)
class Recipe:
    """What each stage does. Every method may be called again after a crash and writes its files atomically."""

    spec: DistillSpec
    folder: Path
    emit: Emit
    stop: Callable[[], bool]

    @property
    def roles(self) -> list[Role]:
        """The networks of this run, in the order in which they are trained and shown."""
        return ["teacher", "control", "student"] if self.spec.control == "full" else ["teacher", "student"]

    def prepare(self) -> Prepared:
        """Refuse a dataset that cannot be trained on, measure a step of each network, choose the number of steps."""
        report = check(self.spec.dataset, progress=self._counter("preparing_data"))
        report.raise_if_bad()
        val = self._data("val")
        split: Split = evaluation_split(self.spec.dataset)
        images = len(self._data(split))
        pace = self._measure_pace(len(val.classes))
        height, width = val[0].labels_HW.shape
        return Prepared(
            spec=self.spec,
            dataset_sha256=report.sha256,
            classes=list(val.classes),
            split=split,
            images=images,
            image_hw=(height, width),
            step_seconds=pace,
            steps=self._choose_steps(pace, images),
            threads=torch.get_num_threads(),
        )

    def expected_seconds(self, prepared: Prepared) -> dict[Stage, float]:
        """How long each stage from here on will take."""
        after = fixed_seconds(len(self.roles), prepared.images) / 3
        training: dict[Stage, float] = {
            TRAINING[role]: steps * prepared.step_seconds[role] for role, steps in prepared.steps.items()
        }
        return {**training, "exporting": after, "verifying": after, "evaluating": after}

    def probe_teacher(self, prepared: Prepared) -> Probed:
        """Try a given teacher on the validation split before an hour is spent on it."""
        assert isinstance(self.spec.teacher, CheckpointTeacher)
        teacher = self._served("teacher", prepared).to(self.device)
        miou = measure_miou(teacher, self._data("val"), device=self.device, precision=self.spec.train.precision)
        self.emit(Event("log", {"message": f"The teacher scores {miou:.1%} mIoU on the val split."}))
        if miou < POOR_TEACHER_MIOU:
            message = (
                f"The teacher scores {miou:.1%} mIoU on the val split; check its classes, their order and its weights."
            )
            self.emit(Event("warning", {"code": "poor_teacher", "message": message}))
        return Probed(sha256=describe(self.spec.teacher.path).sha256, val_miou=miou)

    def train(self, role: Role, prepared: Prepared) -> TrainedNetwork:
        """Train one network to its last step and keep its weights."""
        net = self._fresh(role, len(prepared.classes))
        trained = train(
            net,
            self._plan(role).model_copy(update={"steps": prepared.steps[role]}),
            self._data("train"),
            self._data("val"),
            stage=TRAINING[role],
            checkpoints=Checkpoints(self.folder / "checkpoints" / role),
            emit=self.emit,
            stop=self.stop,
            distillation=self._distillation(self._network("teacher", prepared)) if self._asks_teacher(role) else None,
            device=self.device,
        )
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
        write_atomically(self._weights(role), to_safetensors(weights))
        return TrainedNetwork(steps=trained.steps, seconds=trained.seconds, best_val_miou=trained.best_miou)

    def export(self, prepared: Prepared) -> Exported:
        """Write each network as the ONNX file that will be measured and served."""
        sha256: dict[Role, str] = {}
        for role in self.roles:
            info = export_onnx(
                self._served(role, prepared),
                self.folder / f"{role}.onnx",
                classes=prepared.classes,
                ignore_index=IGNORE_INDEX,
                metadata=self._provenance(role, prepared),
                outputs=self.spec.export.outputs,
            )
            sha256[role] = info.sha256
            self._counter("exporting")(len(sha256), len(self.roles))
        return Exported(sha256=sha256)

    def verify(self, prepared: Prepared) -> Verified:
        """Run torch and onnxruntime side by side; refuse a file that says something else."""
        results: dict[Role, ParityResult] = {}
        for role in self.roles:
            parity = check_parity(self._served(role, prepared), self.folder / f"{role}.onnx")
            parity.raise_if_bad()
            results[role] = ParityResult(
                max_abs_logit_diff=parity.max_abs_logit_diff,
                argmax_agreement=parity.argmax_agreement,
                mask_agreement=parity.mask_agreement,
                sizes=sorted({case.hw for case in parity.cases}),
                batches=sorted({case.batch for case in parity.cases}),
            )
            self._counter("verifying")(len(results), len(self.roles))
        return Verified(parity=results)

    def evaluate(self, prepared: Prepared, trained: Mapping[Role, TrainedNetwork], verified: Verified) -> Result:
        """Judge the exported files on the evaluation split, compare them, and draw them side by side."""
        data = self._data(prepared.split)
        sessions: dict[Role, Session] = {role: Session(self.folder / f"{role}.onnx") for role in self.roles}
        count = self._counter("evaluating")
        qualities: dict[Role, Quality] = {}
        networks: dict[Role, NetworkResult] = {}
        for index, (role, session) in enumerate(sessions.items()):
            offset = index * len(data)
            qualities[role] = evaluate_session(
                session, data, progress=lambda done, _, offset=offset: count(offset + done, len(sessions) * len(data))
            )
            net = self._served(role, prepared)
            networks[role] = describe_network(
                qualities[role],
                arch=self._arch(role),
                parameters=count_parameters(net),
                gflops=count_gflops(net, prepared.image_hw),
                onnx_bytes=(self.folder / f"{role}.onnx").stat().st_size,
                latency=measure_latency(session, prepared.image_hw),
                parity=verified.parity[role],
                steps=trained[role].steps if role in trained else None,
                train_seconds=trained[role].seconds if role in trained else None,
            )
        write_atomically(self.folder / "picture.png", draw_examples(data, sessions))
        quality = {role: quality.to_dict() for role, quality in qualities.items()}
        write_atomically(self.folder / "quality.json", json.dumps(quality, indent=1).encode())
        return compare(networks, qualities, split=prepared.split, method=self.spec.method.type)

    def bundle(self, prepared: Prepared, result: Result) -> Bundle:
        """Name every file with its hash; from here on the run is complete."""
        write_atomically(self.folder / "manifest.json", self._manifest(prepared))
        names = [f"{role}.onnx" for role in self.roles] + ["picture.png", "quality.json", "manifest.json"]
        bundle = Bundle(
            result=result,
            classes=prepared.classes,
            dataset_sha256=prepared.dataset_sha256,
            provenance=self._provenance("student", prepared),
            files={name: describe(self.folder / name) for name in names},
        )
        bundle.write(self.folder)
        return bundle

    @property
    def device(self) -> torch.device:
        """The GPU if there is one."""
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def _data(self, split: Split) -> FolderDataset:
        return FolderDataset(self.spec.dataset, split)

    def _plan(self, role: Role) -> Train:
        return self.spec.teacher_train() if role == "teacher" else self.spec.train

    def _arch(self, role: Role) -> str:
        return self.spec.teacher.arch if role == "teacher" else self.spec.student.arch

    def _weights(self, role: Role) -> Path:
        if role == "teacher" and isinstance(self.spec.teacher, CheckpointTeacher):
            return self.spec.teacher.path
        return self.folder / "networks" / f"{role}.safetensors"

    def _fresh(self, role: Role, num_classes: int) -> SegmentationNet:
        """Random weights; control and student start from the same ones."""
        torch.manual_seed(self._plan(role).seed)
        return build(self._arch(role), num_classes=num_classes)

    def _network(self, role: Role, prepared: Prepared) -> SegmentationNet:
        net = build(self._arch(role), num_classes=len(prepared.classes))
        load_checkpoint(net, self._weights(role))
        return net.eval()

    def _served(self, role: Role, prepared: Prepared) -> SegmentationNet:
        """The network as it is exported and judged, on images of full size."""
        return downscaled(self._network(role, prepared), self._plan(role).input_downscale).eval()

    def _asks_teacher(self, role: Role) -> bool:
        """Whether a teacher runs in each step of this training."""
        return role == "student" and self.spec.method.type != "none"

    def _distillation(self, teacher: SegmentationNet) -> Distillation:
        options = self.spec.method.model_dump(exclude={"type"})
        method = get_method(
            self.spec.method.type, num_classes=teacher.num_classes, ignore_index=IGNORE_INDEX, **options
        )
        return Distillation(teacher, method)

    def _measure_pace(self, num_classes: int) -> dict[Role, float]:
        """Seconds of a training step of each network to be trained, on real batches."""
        data = self._data("train")
        pace: dict[Role, float] = {}
        for role in self.roles:
            if role == "teacher" and isinstance(self.spec.teacher, CheckpointTeacher):
                continue
            distillation = self._distillation(self._fresh("teacher", num_classes)) if self._asks_teacher(role) else None
            pace[role] = measure_step(self._fresh(role, num_classes), self._plan(role), data, distillation, self.device)
        return pace

    def _choose_steps(self, pace: Mapping[Role, float], images: int) -> dict[Role, int]:
        if self.spec.budget_minutes is None:
            return {role: self._plan(role).steps for role in pace}
        chosen = fit_budget(
            self.spec.budget_minutes * 60,
            teacher_step_s=pace.get("teacher", 0.0),
            pair_step_s=pace["student"] + pace.get("control", 0.0),
            fixed_s=fixed_seconds(len(self.roles), images),
        )
        steps: dict[Role, int] = {role: chosen.teacher if role == "teacher" else chosen.student for role in pace}
        self.emit(Event("log", {"message": f"{self.spec.budget_minutes:g} minutes: steps {steps}."}))
        return steps

    def _counter(self, stage: Stage) -> Callable[[int, int], None]:
        """Report counted work at most every two seconds."""
        said = 0.0

        def count(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said >= REPORT_EVERY_S or done == total:
                said = time.monotonic()
                self.emit(Event("metrics", {"stage": stage, "step": done, "total_steps": total, "values": {}}))

        return count

    def _provenance(self, role: Role, prepared: Prepared) -> dict[str, str]:
        """Where an exported file comes from; stored inside it."""
        plan = self._plan(role)
        facts = {
            "role": role,
            "arch": self._arch(role),
            "method": self.spec.method.type if role == "student" else "none",
            "dataset_sha256": prepared.dataset_sha256,
            "seed": str(plan.seed),
            "steps": str(prepared.steps.get(role, "")),
            "training_crop": "x".join(map(str, plan.crop)),
            "bpkd_version": bpkd_core.__version__,
            "torch_version": torch.__version__,
        }
        if role == "student":
            facts["teacher_sha256"] = describe(self._weights("teacher")).sha256
        return {**self.spec.provenance, **facts}

    def _manifest(self, prepared: Prepared) -> bytes:
        """The specification as it was resolved: enough to run it again."""
        manifest = {
            "spec": self.spec.model_dump(mode="json"),
            "prepared": prepared.model_dump(mode="json", exclude={"spec"}),
        }
        return json.dumps({**manifest, "versions": versions()}, indent=1).encode()
