"""Where bfloat16 is used, and where "auto" takes it."""

from __future__ import annotations

import torch


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Autocast to bfloat16 for precision "bf16", for "auto" only where the hardware is fast at it, never for "fp32"."""
    bf16 = precision == "bf16" or (precision == "auto" and has_fast_bf16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 products are native: Ampere and later GPUs, CPUs with AVX512-BF16 or AMX."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported())
