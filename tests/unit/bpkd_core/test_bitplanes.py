from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from bpkd_core.bitplanes import average_bits


@pytest.mark.parametrize("size_hw", [(1, 1), (4, 8), (8, 16), (5, 7), (32, 64), (40, 70), (3, 64)])
@pytest.mark.parametrize(("dtype", "num_bits"), [(torch.int16, 15), (torch.int32, 31), (torch.int64, 63)])
def test_every_bit_is_averaged_as_its_own_image(dtype: torch.dtype, num_bits: int, size_hw: tuple[int, int]) -> None:
    """One carry that leaks into the neighbouring bit would mix two classes' masks."""
    bits = torch.rand(2, num_bits, 32, 64, generator=torch.Generator().manual_seed(0)) < 0.7
    words = torch.zeros(2, 32, 64, dtype=dtype)
    for bit in range(num_bits):
        words |= bits[:, bit].to(dtype) << bit
    assert torch.equal(average_bits(words, num_bits, size_hw), F.adaptive_avg_pool2d(bits.float(), size_hw))


def test_full_windows_average_to_exactly_one() -> None:
    """The largest sum needs the topmost plane; dropping it would give 0."""
    words = torch.full((1, 16, 16), 0b111, dtype=torch.int16)
    for size in (1, 2, 3, 5, 16):
        assert torch.equal(average_bits(words, 3, (size, size)), torch.ones(1, 3, size, size))
