"""Where half precision is used, where "auto" takes it, and what keeps float16's small gradients from becoming 0."""

from __future__ import annotations

import torch

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Autocast to what `precision` names; "auto" takes bfloat16 where the hardware is fast at it, "fp32" nothing."""
    if precision == "auto" and has_fast_bf16(device):
        precision = "bf16"
    return torch.autocast(device.type, HALF.get(precision, torch.bfloat16), enabled=precision in HALF)


def make_scaler(precision: str, device: torch.device) -> torch.amp.GradScaler:
    """The loss scaler that float16 needs (Micikevicius et al. 2018); for any other precision it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 products are native: Ampere and later GPUs, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported())
