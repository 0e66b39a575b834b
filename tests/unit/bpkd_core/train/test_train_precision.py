"""Where products are taken in bfloat16."""

from __future__ import annotations

import pytest
import torch

from bpkd_core.train.precision import autocast, has_fast_bf16, make_scaler

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [
        ("fp32", torch.float32),
        ("bf16", torch.bfloat16),
        ("fp16", torch.float16),
        ("auto", torch.bfloat16 if has_fast_bf16(CPU) else torch.float32),
    ],
)
def test_a_product_has_the_precision_asked_for(precision: str, dtype: torch.dtype) -> None:
    """Without native instructions bfloat16 is several times slower, so "auto" asks the processor."""
    with autocast(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


def test_fp32_holds_inside_another_autocast() -> None:
    """One who asks for full precision gets it wherever it is called."""
    with torch.autocast("cpu", torch.bfloat16), autocast("fp32", CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "fp16"])
def test_only_float16_scales_its_loss(precision: str) -> None:
    """Gradients below 6e-8 are 0 in float16; bfloat16 has the range of float32, and needs no scaler."""
    scaler = make_scaler(precision, CPU)
    loss = scaler.scale(torch.tensor(2.0))
    assert scaler.is_enabled() == (precision == "fp16")
    assert loss == (2.0 * scaler.get_scale() if precision == "fp16" else 2.0)
