"""The batches of a training, from whatever step it stands at, also after a loader process was killed."""

from __future__ import annotations

from collections.abc import Iterator

from bpkd_core.data import SegmentationDataset
from bpkd_core.data.batches import Batch, Batches, Outline
from bpkd_core.data.transforms import TrainTransform
from bpkd_core.errors import OutOfMemory
from bpkd_core.events import Emit, Event
from bpkd_core.spec import Train
from bpkd_core.train.distributed import ALONE, Group

MOST_DEATHS = 3
"""Deaths in a row, without a batch between them, after which the machine is at fault."""


def feed(
    plan: Train,
    data: SegmentationDataset,
    step: int,
    emit: Emit,
    group: Group = ALONE,
    outline: Outline | None = None,
) -> Iterator[Batch]:
    """What this process takes of the batches from `step` to the last, with their labels' edges if `outline` finds them.

    A loader process that dies (Linux kills the largest when memory runs out) costs its unused batches, which are made
    again by new ones: a batch is a function of its step. Raises OutOfMemory when they keep dying.
    """
    deaths = 0
    while step < plan.steps:
        batches = Batches(
            data,
            training_transform(plan),
            plan.batch_size,
            plan.seed,
            step,
            plan.steps - step,
            plan.loader_workers,
            shard=(group.rank, group.size),
            outline=outline,
        )
        try:
            for batch in batches:
                yield batch
                step, deaths = step + 1, 0
        except (RuntimeError, EOFError, OSError) as error:
            if plan.loader_workers == 0 or not _tells_a_death(error):
                raise
            deaths += 1
            _report(error, step, deaths, emit)


def _tells_a_death(error: Exception) -> bool:
    """Whether a loader process is gone, rather than an error raised in one, which quotes its traceback.

    A batch that the process had handed over cannot be fetched from it any more: that is an EOFError or an OSError.
    """
    if isinstance(error, RuntimeError):
        return str(error).startswith("DataLoader worker (pid")
    return "in DataLoader worker process" not in str(error)


def _report(error: Exception, step: int, deaths: int, emit: Emit) -> None:
    if deaths == MOST_DEATHS:
        raise OutOfMemory(
            f"Loader processes died {deaths} times at step {step} before they made its batch; usually the system kills "
            "them because memory runs out.",
            param="train.loader_workers",
            hint="Lower train.loader_workers, or give the machine more memory.",
        ) from error
    message = f"A loader process died at step {step}; new ones go on from there."
    emit(Event("warning", {"code": "loader_died", "message": message}))


def training_transform(plan: Train) -> TrainTransform:
    """The augmentation at the size that the network sees."""
    low, high = plan.scale
    scale = low / plan.input_downscale, high / plan.input_downscale
    return TrainTransform(
        plan.crop,
        resize=plan.resize,
        scale=scale,
        cat_max_ratio=plan.cat_max_ratio,
        flip=plan.flip,
        photometric=plan.photometric,
    )
