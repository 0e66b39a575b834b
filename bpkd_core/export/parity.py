"""Does the exported file say what torch says? Only running it tells: files that pass the checker can be silently wrong.

The logits are observed on an in-memory copy of the file that also gives its logits out; the masks on the file itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bpkd_core.data.transforms import normalise
from bpkd_core.errors import InvalidInput, ParityFailed
from bpkd_core.export.graph import padded_side
from bpkd_core.export.network import TRACED_HW, frozen_copy
from bpkd_core.infer.contract import LOGITS
from bpkd_core.infer.protobuf import with_output
from bpkd_core.infer.session import Session
from bpkd_core.models.base import SegmentationNet

SIZES = ((32, 64), (97, 131), (160, 120), (65, 250), (225, 304))
"""Height and width: odd and even, the smallest, below and above the traced size, upright, lying and wide."""

TIE = 1e-5
"""Scores nearer than this, relative to the largest, are equal: float32 sums in another order differ so much."""


@dataclass(frozen=True)
class Case:
    """One batch of images of one kind ("noise" or "smooth") and size, torch against onnxruntime.

    max_abs_logit_diff: over the raw logits. logit_scale: the largest absolute logit of torch. cells, cells_agreeing: of
    the logits' argmax. pixels, pixels_agreeing: of the mask. tied: pixels that disagree while torch itself scores both
    answers equal within TIE.
    """

    kind: str
    batch: int
    hw: tuple[int, int]
    max_abs_logit_diff: float
    logit_scale: float
    cells: int
    cells_agreeing: int
    pixels: int
    pixels_agreeing: int
    tied: int


@dataclass(frozen=True)
class Parity:
    """The outcome over all cases. Agreements are shares, 0 to 1, that count a tie as a disagreement."""

    cases: tuple[Case, ...]

    @property
    def max_abs_logit_diff(self) -> float:
        """The largest difference of two logits."""
        return float(np.max([case.max_abs_logit_diff for case in self.cases]))  # of NumPy: NaN stays NaN

    @property
    def relative_logit_diff(self) -> float:
        """The largest difference of two logits, as a share of the largest logit of its case (at least 1)."""
        return float(np.max([case.max_abs_logit_diff / max(1.0, case.logit_scale) for case in self.cases]))

    @property
    def argmax_agreement(self) -> float:
        """The share of cells of the logits with the same winner."""
        return sum(case.cells_agreeing for case in self.cases) / sum(case.cells for case in self.cases)

    @property
    def mask_agreement(self) -> float:
        """The share of pixels of the masks that are the same."""
        return sum(case.pixels_agreeing for case in self.cases) / sum(case.pixels for case in self.cases)

    @property
    def tied_pixels(self) -> int:
        """How many of the pixels that disagree are ties."""
        return sum(case.tied for case in self.cases)

    def raise_if_bad(self, *, relative_logit_diff_max: float = 1e-4, argmax_agreement_min: float = 0.999) -> None:
        """Raise ParityFailed if logits differ by more than this share of the largest, or cells or pixels too often.

        Tied pixels count as agreeing here.
        """
        mask = self.mask_agreement + self.tied_pixels / sum(case.pixels for case in self.cases)
        logits_agree = self.relative_logit_diff <= relative_logit_diff_max  # False for NaN
        if not logits_agree or min(self.argmax_agreement, mask) < argmax_agreement_min:
            raise ParityFailed(
                f"The exported file differs from torch: logits by {self.max_abs_logit_diff:.3g} "
                f"({self.relative_logit_diff:.2g} of the largest, at most {relative_logit_diff_max:g} allowed), "
                f"{self.argmax_agreement:.4%} of cells and {mask:.4%} of pixels agree (at least "
                f"{argmax_agreement_min:.4%} expected).",
                hint="A layer of the network may depend on the traced size; compare the cases of the report.",
            )


def check_parity(
    net: SegmentationNet,
    path: Path,
    *,
    sizes: Sequence[tuple[int, int]] = SIZES,
    batches: Sequence[int] = (1, 3),
    seed: int = 0,
) -> Parity:
    """Compare `net` with its exported file, on white noise and on smooth images of every size and batch.

    Raises InvalidInput for the size that was traced, where a wrong file may look right, InvalidModel for a file that
    breaks the contract, ParityFailed for the file of a network of another shape. Call
    :meth:`Parity.raise_if_bad` on the result.
    """
    if TRACED_HW in sizes:
        raise InvalidInput(f"Parity at {TRACED_HW} proves nothing: the file was traced there; name another size.")
    reference, served = frozen_copy(net), Session(path)
    watched = Session(with_output(path.read_bytes(), LOGITS))
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    for hw in sizes:
        for batch in batches:
            for kind, images in _images(rng, batch, hw):
                logits = torch.from_numpy(watched.run(images, (LOGITS,))[LOGITS])
                masks = torch.from_numpy(served.predict_batch(images).astype(np.int64))
                cases.append(_compare(kind, reference_scores(reference, net.stride, images), logits, masks))
    return Parity(tuple(cases))


def reference_scores(net: torch.nn.Module, stride: int, images_NHW3: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """What torch computes: logits [N, C, h, w], and the scores [N, C, H, W] whose argmax is the mask."""
    height, width = images_NHW3.shape[1:3]
    pixels = normalise(torch.from_numpy(images_NHW3).permute(0, 3, 1, 2))
    with torch.inference_mode():
        logits = net(F.pad(pixels, (0, padded_side(width, stride) - width, 0, padded_side(height, stride) - height)))
        scores = F.interpolate(logits, scale_factor=stride, mode="bilinear", align_corners=False)
    return logits, scores[:, :, :height, :width]


def _compare(kind: str, expected: tuple[Tensor, Tensor], logits: Tensor, masks: Tensor) -> Case:
    """`expected` is torch's (logits, scores); `logits` and `masks` are onnxruntime's."""
    torch_logits, scores = expected
    if logits.shape != torch_logits.shape:
        raise ParityFailed(
            f"The exported file gives logits of shape {list(logits.shape)} where torch gives "
            f"{list(torch_logits.shape)}; it is the file of another network."
        )
    batch, _, *hw = scores.shape
    best, winners = scores.max(dim=1)
    gap = best - scores.gather(1, masks[:, None])[:, 0]
    scale = float(torch_logits.abs().max())
    differ = masks != winners
    return Case(
        kind=kind,
        batch=batch,
        hw=(hw[0], hw[1]),
        max_abs_logit_diff=float((torch_logits - logits).abs().max()),
        logit_scale=scale,
        cells=logits[:, 0].numel(),
        cells_agreeing=int((torch_logits.argmax(1) == logits.argmax(1)).sum()),
        pixels=masks.numel(),
        pixels_agreeing=int((~differ).sum()),
        tied=int((differ & (gap <= TIE * max(1.0, scale))).sum()),
    )


def _images(rng: np.random.Generator, batch: int, hw: tuple[int, int]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Noise, where every cell is a boundary, and smooth pictures, where few are."""
    yield "noise", rng.integers(0, 256, (batch, *hw, 3), dtype=np.uint8)
    coarse = torch.from_numpy(rng.uniform(0, 255, (batch, 3, 4, 5)))
    smooth = F.interpolate(coarse, hw, mode="bilinear", align_corners=True)
    yield "smooth", np.ascontiguousarray(smooth.permute(0, 2, 3, 1).to(torch.uint8).numpy())
