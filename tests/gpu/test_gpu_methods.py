from __future__ import annotations

from typing import Any

import pytest
import torch

from bpkd_core.bench.drawn import LABELS
from bpkd_core.boundary import edge_masks
from bpkd_core.methods import get_method

CUDA = torch.device("cuda")
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("kd", {}),
    ("cwd", {}),
    ("bpkd", {}),
    ("bpkd", {"center": True, "temperature_edge": 2.0}),
    ("bpkd", {"pre_mask": "off", "edge_norm": "pixels"}),
    ("bpkd", {"post_mask": False, "edge_norm": "class_mean"}),
]


@pytest.mark.parametrize("num_classes", [19, 150, 300])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("size_hw", [(64, 64), (37, 65), None])
def test_masks_are_the_same_to_the_bit(labels: str, num_classes: int, size_hw: tuple[int, int] | None) -> None:
    """Counting is exact on either device, so a run that moves to a GPU sees the same edges."""
    labels_NHW = LABELS[labels](min(num_classes, 150))[:2]
    on_cpu = edge_masks(labels_NHW[:, :128, :128], num_classes, size_hw=size_hw)
    on_gpu = edge_masks(labels_NHW[:, :128, :128].to(CUDA), num_classes, size_hw=size_hw)
    assert torch.equal(on_gpu.cpu(), on_cpu)


@pytest.mark.parametrize("void", ["transparent", "as_class"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_masks_of_any_integer_are_the_same_to_the_bit(dtype: torch.dtype, void: Any) -> None:
    """Counting rests on integers that wrap around; a GPU must wrap them like a CPU."""
    labels_NHW = LABELS["scenes"](19)[:1].to(dtype)
    for classes in (19, 300):
        on_cpu = edge_masks(labels_NHW, classes, size_hw=(64, 64), void=void)
        assert torch.equal(edge_masks(labels_NHW.to(CUDA), classes, size_hw=(64, 64), void=void).cpu(), on_cpu)


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_loss_and_gradient_agree_with_the_cpu(name: str, options: dict[str, Any]) -> None:
    """In double precision nothing but the order of sums may differ."""
    generator = torch.Generator().manual_seed(0)
    labels_NHW = LABELS["scenes"](19)[:2, :256, :256]
    logits = [torch.randn(2, 19, 32, 32, generator=generator, dtype=torch.float64) for _ in range(2)]
    found = []
    for device in (torch.device("cpu"), CUDA):
        student, teacher = (z.to(device) for z in logits)
        student.requires_grad_()
        total = get_method(name, num_classes=19, **options)(student, teacher, labels_NHW.to(device)).total
        (gradient,) = torch.autograd.grad(total, student)
        found.append((total.detach().cpu(), gradient.cpu()))
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_half_precision_logits_give_finite_losses(name: str, options: dict[str, Any]) -> None:
    """Under autocast logits come in bfloat16 or float16; sums over positions would overflow there."""
    for dtype in (torch.bfloat16, torch.float16):
        student, teacher = (30 * torch.randn(2, 19, 64, 64, device=CUDA, dtype=dtype) for _ in range(2))
        student.requires_grad_()
        with torch.autocast("cuda", dtype):
            total = get_method(name, num_classes=19, **options)(
                student, teacher, LABELS["scenes"](19)[:2].to(CUDA)
            ).total
        total.backward()
        assert student.grad is not None
        assert torch.isfinite(total)
        assert torch.isfinite(student.grad).all()
