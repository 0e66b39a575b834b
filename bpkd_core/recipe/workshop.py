"""What all stages of a run share: the specification, the folder, the networks by their role."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from bpkd_core.bundle import Role, describe
from bpkd_core.data import FolderDataset
from bpkd_core.data.folder import Unlabelled
from bpkd_core.data.layout import Split, open_layout
from bpkd_core.errors import InvalidModel
from bpkd_core.events import Emit, Event, Stage
from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.base import SegmentationNet, downscaled
from bpkd_core.recipe.records import Prepared, ProbedFile
from bpkd_core.spec import CheckpointTeacher, DistillSpec, OnnxTeacher, Student, Train, TrainedTeacher
from bpkd_core.spec.train import SHORT, shortened
from bpkd_core.train.distributed import ALONE, Group

REPORT_EVERY_S = 2.0
TRAINING: dict[Role, Stage] = {
    "teacher": "training_teacher",
    "control": "training_control",
    "student": "training_student",
}


@dataclass(frozen=True)
class Workshop:
    """Where the stages work: each is a function of this, may be called again after a crash, and writes atomically."""

    spec: DistillSpec
    folder: Path
    emit: Emit
    stop: Callable[[], bool]
    group: Group = ALONE

    @property
    def roles(self) -> list[Role]:
        """The networks of this run, in the order in which they are trained and shown."""
        return ["teacher", "control", "student"] if self.spec.control != "none" else ["teacher", "student"]

    @property
    def exported(self) -> list[Role]:
        """The networks that torch runs and this run exports: all but a teacher that is an ONNX file already."""
        return [role for role in self.roles if role != "teacher" or not isinstance(self.spec.teacher, OnnxTeacher)]

    @property
    def control_part(self) -> int:
        """The control takes one step for so many of the student's."""
        return SHORT if self.spec.control == "short" else 1

    @property
    def device(self) -> torch.device:
        """The GPU if there is one."""
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def data(self, split: Split, role: Role = "student") -> FolderDataset:
        """One split of the dataset, as a network learns it or all are measured on it.

        Only a student may learn images without labels; a measurement leaves them out, unless there are no others.
        """
        return FolderDataset(
            self.spec.dataset, split, layout=self.spec.layout, unlabelled=self._unlabelled(split, role)
        )

    def _unlabelled(self, split: Split, role: Role) -> Unlabelled:
        if self.spec.labels == "dataset":
            return "refuse"
        if split == "train" and role != "teacher":
            return "keep" if self.spec.labels == "mixed" else "only"
        pairs = open_layout(self.spec.dataset, self.spec.layout).pairs(split)
        return "drop" if any(pair.labelled for pair in pairs) else "only"

    def plan(self, role: Role) -> Train:
        """The schedule of one network."""
        if role == "teacher":
            return self.spec.teacher_train()
        short = role == "control" and self.spec.control == "short"
        return shortened(self.spec.train) if short else self.spec.train

    def arch(self, role: Role) -> str:
        """The catalog's name of one network, or the file of a teacher that is in no catalog."""
        teacher = self.spec.teacher
        if role != "teacher":
            return self.spec.student.arch
        return f"onnx:{teacher.path.name}" if isinstance(teacher, OnnxTeacher) else teacher.arch

    def weights(self, role: Role) -> Path:
        """Where the weights of a trained network lie."""
        if role == "teacher" and isinstance(self.spec.teacher, CheckpointTeacher | OnnxTeacher):
            return self.spec.teacher.path
        return self.folder / "networks" / f"{role}.safetensors"

    def opened(self, role: Role) -> Path:
        """The weights as safetensors: a given checkpoint's copy, once its probe has made one.

        Other files are opened in a child process, which takes seconds; every stage of a run loads the teacher.
        """
        copy = self.folder / "networks" / f"{role}.safetensors"
        return copy if copy.exists() else self.weights(role)

    def onnx(self, role: Role) -> Path:
        """The file that is judged: an exported one, or the teacher's own."""
        return self.folder / f"{role}.onnx" if role in self.exported else self.weights(role)

    def probed(self) -> ProbedFile:
        """What the probe found of a teacher that is an ONNX file. Raises InvalidModel if the file has changed since."""
        found = ProbedFile.model_validate_json((self.folder / "stages" / "probing_teacher.json").read_bytes())
        self.require_teacher(found.sha256)
        return found

    def require_teacher(self, sha256: str) -> None:
        """Raise InvalidModel unless the given teacher's file is the one that was probed."""
        path = self.weights("teacher")
        if describe(path).sha256 != sha256:
            raise InvalidModel(f"{path.name} has changed since it was probed; put it back, or begin a new run.")

    @property
    def crops(self) -> tuple[int, int, int]:
        """What a teacher is asked in one step, at full size: two crops stand for a batch of any number."""
        height, width = (side * self.spec.train.input_downscale for side in self.spec.train.crop)
        return min(2, self.spec.train.batch_size), height, width

    def fresh(self, role: Role, num_classes: int) -> SegmentationNet:
        """Random weights, the backbone's perhaps from a file; control and student start from the same ones."""
        torch.manual_seed(self.plan(role).seed)
        named = self.spec.teacher if role == "teacher" else self.spec.student
        pretrained = named.pretrained if isinstance(named, Student | TrainedTeacher) else None
        return build(self.arch(role), num_classes=num_classes, pretrained=pretrained)

    def network(self, role: Role, prepared: Prepared) -> SegmentationNet:
        """A network with its trained weights, in eval mode."""
        net = build(self.arch(role), num_classes=len(prepared.classes))
        load_checkpoint(net, self.opened(role))
        return net.eval()

    def served(self, role: Role, prepared: Prepared) -> SegmentationNet:
        """The network as it is exported and judged, on images of full size."""
        return downscaled(self.network(role, prepared), self.plan(role).input_downscale).eval()

    @property
    def trains_teacher(self) -> bool:
        """Whether the teacher is made in this run."""
        return isinstance(self.spec.teacher, TrainedTeacher)

    def asks_teacher(self, role: Role) -> bool:
        """Whether a teacher runs in each step of this training."""
        if role == "teacher":
            return False
        return self.spec.labels != "dataset" or (role == "student" and self.spec.method.type != "none")

    def counter(self, stage: Stage) -> Callable[[int, int], None]:
        """Report counted work at most every two seconds."""
        said = 0.0

        def count(done: int, total: int) -> None:
            nonlocal said
            if time.monotonic() - said >= REPORT_EVERY_S or done == total:
                said = time.monotonic()
                self.emit(Event("metrics", {"stage": stage, "step": done, "total_steps": total, "values": {}}))

        return count
