"""Run a foreign file as it wants to be run, and get scores of the dataset's classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bpkd_core.foreign.file import ForeignFile
from bpkd_core.foreign.pixels import FixedHW, covered, fit, prepare
from bpkd_core.foreign.reading import Reading
from bpkd_core.foreign.scores import to_classes, to_logits, winners
from bpkd_core.infer.session import CPU
from bpkd_core.infer.windows import Score, stretch


class ScoreSession:
    """`ScoreSession("theirs.onnx", reading).predict(image_HW3) -> mask_HW` of the dataset's class ids.

    provider: what really runs. threads: how many one image runs on. Raises InvalidModel as ForeignFile does.
    """

    def __init__(
        self, model: str | Path | bytes, reading: Reading, *, provider: str = CPU, threads: int | None = None
    ) -> None:
        self.file = ForeignFile(model, provider=provider, threads=threads)
        self.reading: Reading = reading
        self.provider, self.threads = self.file.provider, self.file.threads
        self.fixed_hw: FixedHW = self.file.size_hw(reading.input.layout)

    def scores(self, images_NHW3: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Images (N, H, W, 3) to logits or log-probabilities (N, C, h, w), which cover the image as it was padded."""
        inputs = prepare(fit(images_NHW3, self.fixed_hw), self.reading.input, self.file.dtype)
        (said,) = self.file.ask(inputs, [self.reading.output.name or self.file.outputs[0]])
        return to_classes(to_logits(said, self.reading.output), self.reading.channels)

    def predict(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """RGB uint8 (H, W, 3) to class ids (H, W): the scores resized to the image, the highest wins."""
        height, width = image_HW3.shape[:2]
        scores = self.scores(image_HW3[np.newaxis])[0]
        return winners(scores, covered((height, width), self.fixed_hw))[:height, :width]


def foreign_scores(session: ScoreSession) -> Score:
    """The scores of a foreign file for an image at its own size, for windows to be averaged."""

    def score(image_HW3: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = image_HW3.shape[:2]
        scores_Chw = session.scores(image_HW3[np.newaxis])[0]
        return stretch(scores_Chw, covered((height, width), session.fixed_hw))[:, :height, :width]

    return score
