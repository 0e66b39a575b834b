"""The training of one network, as a stage."""

from __future__ import annotations

from safetensors.torch import save as to_safetensors

from bpkd_core.bundle import Role, write_atomically
from bpkd_core.recipe.records import Prepared, TrainedNetwork
from bpkd_core.recipe.teaching import distillation
from bpkd_core.recipe.workshop import TRAINING, Workshop
from bpkd_core.train.checkpoint import Checkpoints
from bpkd_core.train.loop import train


def train_network(shop: Workshop, role: Role, prepared: Prepared) -> TrainedNetwork:
    """Train one network to its last step and keep its weights."""
    net = shop.fresh(role, len(prepared.classes))
    trained = train(
        net,
        shop.plan(role).model_copy(update={"steps": prepared.steps[role]}),
        shop.data("train"),
        shop.data("val"),
        stage=TRAINING[role],
        checkpoints=Checkpoints(shop.folder / "checkpoints" / role),
        emit=shop.emit,
        stop=shop.stop,
        distillation=distillation(shop, net, prepared) if shop.asks_teacher(role) else None,
        device=shop.device,
    )
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    write_atomically(shop.weights(role), to_safetensors(weights))
    return TrainedNetwork(steps=trained.steps, seconds=trained.seconds, best_val_miou=trained.best_miou)
