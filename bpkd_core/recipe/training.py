"""The training of one network, as a stage, in one process or several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors

from bpkd_core.bundle import Role, Value, write_atomically
from bpkd_core.errors import Diverged, Stopped
from bpkd_core.recipe.previews import Previews
from bpkd_core.recipe.records import Prepared, TrainedNetwork
from bpkd_core.recipe.reference import validation_data
from bpkd_core.recipe.teaching import distillation
from bpkd_core.recipe.workshop import TRAINING, Workshop
from bpkd_core.spec import DistillSpec
from bpkd_core.train.checkpoint import Checkpoints, contiguous
from bpkd_core.train.distributed import Group
from bpkd_core.train.loop import train
from bpkd_core.train.supervision import with_class_weights


class Assignment(Value):
    """What process 0 tells the others to join."""

    role: Role
    prepared: Prepared


def train_network(shop: Workshop, role: Role, prepared: Prepared) -> TrainedNetwork:
    """Train one network to its last step and keep its weights; every process of the run joins."""
    if shop.group.leads:
        shop.group.tell(Assignment(role=role, prepared=prepared).model_dump_json())
    net = shop.fresh(role, len(prepared.classes))
    val = shop.data("val", role) if role == "teacher" else validation_data(shop, prepared)
    trained = train(
        net,
        with_class_weights(shop.plan(role), prepared.class_shares).model_copy(update={"steps": prepared.steps[role]}),
        shop.data("train", role),
        val,
        stage=TRAINING[role],
        checkpoints=Checkpoints(shop.folder / "checkpoints" / role),
        emit=shop.emit,
        stop=shop.stop,
        distillation=distillation(shop, role, net, prepared) if shop.asks_teacher(role) else None,
        device=shop.device,
        group=shop.group,
        evaluation=shop.spec.eval,
        watcher=Previews(shop.folder, shop.emit, stage=TRAINING[role], role=role, data=val, classes=prepared.classes),
    )
    if shop.group.leads:
        write_atomically(shop.weights(role), to_safetensors(contiguous(net.state_dict())))
    return TrainedNetwork(steps=trained.steps, seconds=trained.seconds, best_val_miou=trained.best_miou)


def assist(spec: DistillSpec, folder: Path, stop: Callable[[], bool], group: Group) -> None:
    """What every process but the first does: join each training of the run in `folder`, and say nothing.

    A stop and a divergence are agreed on by all processes, and the first one tells of them.
    """
    shop = Workshop(spec, folder, lambda _: None, stop, group)
    while message := group.hear():
        assignment = Assignment.model_validate_json(message)
        torch.set_num_threads(assignment.prepared.threads)
        try:
            train_network(shop, assignment.role, assignment.prepared)
        except (Stopped, Diverged):
            return
