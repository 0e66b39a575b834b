"""What the loss costs: the edge masks beside the textbook's, and BPKD's loss beside channel-wise distillation's.

Four label maps of 512x512, logits of 64x64, as a crop at stride 8 has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bpkd_core.bench.dense import edge_masks_dense
from bpkd_core.bench.drawn import LABELS, edge_share, scenes
from bpkd_core.bench.peers import measure_peers
from bpkd_core.bench.race import Work, peak_bytes, race
from bpkd_core.boundary import edge_masks
from bpkd_core.methods import EdgeMethod, Losses, get_method

CLASSES = (19, 150)
SIZE = (64, 64)
ROUNDS, SECONDS = 30, 20.0
MIB = 2**20

Row = dict[str, Any]


def measure(device: torch.device, classes: tuple[int, ...] = CLASSES) -> dict[str, list[Row]]:
    """Every table of `bpkd bench loss`, times in milliseconds, memory in MiB. Takes two minutes on a CPU."""
    return {
        "masks": [compare_masks(number, device) for number in classes],
        "peers": list(measure_peers(classes[0], SIZE, device)),
        "losses": [row for number in classes for row in compare_losses(number, device)],
    }


def compare_masks(num_classes: int, device: torch.device) -> Row:
    """Time, memory and result of the edge masks in both forms, on street scenes."""
    labels = scenes(num_classes).to(device)
    ours = partial(edge_masks, labels, num_classes, size_hw=SIZE)
    dense = partial(edge_masks_dense, labels, num_classes, size_hw=SIZE)
    taken = race({"ours": ours, "dense": dense}, device, rounds=5, seconds=SECONDS)
    memory = {
        name: peak_bytes(partial(form, num_classes), partial(form, 2, side=64), str(device)) / MIB
        for name, form in {"ours": mask_work, "dense": dense_work}.items()
    }
    return {
        "classes": num_classes,
        **{f"{name}_ms": 1e3 * seconds for name, seconds in taken.items()},
        "times_faster": taken["dense"] / taken["ours"],
        **{f"{name}_mib": mib for name, mib in memory.items()},
        "times_smaller": memory["dense"] / memory["ours"],
        "identical": torch.equal(ours(), dense()),
    }


def mask_work(num_classes: int, device: torch.device, side: int | None = None) -> Work:
    """The masks, to be run; on a corner of `side` pixels if it is given."""
    return partial(edge_masks, _corner(num_classes, device, side), num_classes, size_hw=_size(side))


def dense_work(num_classes: int, device: torch.device, side: int | None = None) -> Work:
    """The same in the textbook's form."""
    return partial(edge_masks_dense, _corner(num_classes, device, side), num_classes, size_hw=_size(side))


def _corner(num_classes: int, device: torch.device, side: int | None) -> Tensor:
    return (scenes(num_classes)[:, :side, :side] % num_classes).to(device)


def _size(side: int | None) -> tuple[int, int]:
    return SIZE if side is None else (side // 8, side // 8)


def compare_losses(num_classes: int, device: torch.device) -> Iterator[Row]:
    """Forward and backward of each loss on every kind of labels.

    BPKD's as a training computes it, with the edges that came with the batch; and whole, as a direct call does.
    """
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(4, num_classes, *SIZE, generator=generator).to(device) for _ in range(2))
    student.requires_grad_()
    methods = {name: get_method(name, num_classes=num_classes) for name in ("cwd", "kd", "bpkd")}
    for drawn, draw in LABELS.items():
        labels = draw(num_classes).to(device)
        losses: dict[str, Work] = {
            name: partial(loss_of, method, student, teacher, labels) for name, method in methods.items()
        }
        bpkd = methods["bpkd"]
        assert isinstance(bpkd, EdgeMethod)
        losses["bpkd_whole"] = losses["bpkd"]
        losses["bpkd"] = partial(loss_of, partial(bpkd, bands=bpkd.bands(labels, SIZE)), student, teacher, labels)
        losses["cwd_by_kl_div"] = partial(cwd_by_kl_div, student, teacher)
        sides = {name: partial(differentiate, student, loss) for name, loss in losses.items()}
        taken = race(sides, device, rounds=ROUNDS, seconds=SECONDS)
        yield {
            "classes": num_classes,
            "labels": drawn,
            "edge_share": edge_share(labels, num_classes),
            **{f"{side}_ms": 1e3 * seconds for side, seconds in taken.items()},
            "bpkd_to_cwd": taken["bpkd"] / taken["cwd"],
            "bpkd_whole_to_cwd": taken["bpkd_whole"] / taken["cwd"],
        }


def loss_of(
    method: Callable[[Tensor, Tensor, Tensor], Losses], student: Tensor, teacher: Tensor, labels: Tensor
) -> Tensor:
    """A method's weighted total. The method comes built, as in a training: its options are read once."""
    return method(student, teacher, labels).total


def cwd_by_kl_div(student_NChw: Tensor, teacher_NChw: Tensor, temperature: float = 4.0) -> Tensor:
    """Channel-wise distillation as it is mostly written, with torch's own divergence: is ours a fair measure?"""
    ours, theirs = ((z.flatten(2) / temperature).log_softmax(2) for z in (student_NChw, teacher_NChw))
    return F.kl_div(ours, theirs, reduction="sum", log_target=True) * temperature**2 / ours[..., 0].numel()


def differentiate(student: Tensor, loss: Work) -> None:
    """Forward and backward, into a fresh gradient."""
    student.grad = None
    total = loss()
    assert isinstance(total, Tensor)
    total.backward()
