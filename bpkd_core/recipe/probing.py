"""A checkpoint of the catalog, probed as a foreign file is: its weights may have been trained on other pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bpkd_core.bundle import describe
from bpkd_core.data.base import UInt8Array
from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.foreign.conclusion import advise
from bpkd_core.foreign.examination import examine
from bpkd_core.foreign.findings import Finding, candidates
from bpkd_core.foreign.pixels import FixedHW, covered, fit, prepare
from bpkd_core.foreign.probe import IMAGES, choose
from bpkd_core.foreign.reading import Reading, identity
from bpkd_core.foreign.trials import affordable, attempt, record
from bpkd_core.models.base import SegmentationNet
from bpkd_core.recipe.records import Prepared, Probed
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec.foreign import Pixels, Scores
from bpkd_core.train.validation import measure_miou

FREE: FixedHW = (None, None)


@dataclass(frozen=True)
class NetworkScorer:
    """A network of torch behind the questions that a foreign file answers."""

    net: SegmentationNet
    device: torch.device
    reading: Reading
    fixed_hw: FixedHW = FREE

    def scores(self, images_NHW3: UInt8Array) -> NDArray[np.float32]:
        """Images (N, H, W, 3) to logits (N, C, h, w), as the run will feed it."""
        return self.read(images_NHW3, self.reading.input)

    def ask(self, image_HW3: UInt8Array, pixels: Pixels) -> tuple[NDArray[np.float32], tuple[int, int]]:
        """Logits (C, h, w) of an image read in another way, and what the cells cover."""
        height, width = image_HW3.shape[:2]
        scores = np.nan_to_num(self.read(image_HW3[np.newaxis], pixels)[0], nan=-np.inf)
        return scores, covered((height, width), FREE)

    @torch.inference_mode()
    def read(self, images_NHW3: UInt8Array, pixels: Pixels) -> NDArray[np.float32]:
        """Logits (N, C, h, w) of images that are prepared in one way."""
        inputs = np.ascontiguousarray(prepare(fit(images_NHW3, FREE), pixels, np.float32))
        return self.net.eval().score(torch.from_numpy(inputs).to(self.device)).logits.float().cpu().numpy()


def probe_network(shop: Workshop, prepared: Prepared) -> Probed:
    """Judge a checkpoint on the val split, and try whether other pixels or another order of classes suit it better.

    The catalog says how its networks are fed, so a better setting is a warning and is not taken: the weights want the
    network that they were trained for. Raises InvalidCheckpoint for weights that give NaN or say nothing.
    """
    data, classes = shop.data("val"), len(prepared.classes)
    net = shop.served("teacher", prepared).to(shop.device)
    scorer = NetworkScorer(net, shop.device, Reading(input=Pixels(), output=Scores(), channels=identity(classes)))
    samples, settings = choose(data, IMAGES), list(candidates(None))
    start = time.monotonic()
    scorer.scores(samples[0].image_HW3[np.newaxis])
    few = samples[: affordable(settings, time.monotonic() - start)]
    examined = examine(scorer, few, None)
    if examined.faults:
        raise InvalidCheckpoint(examined.faults[0].message, param="teacher.path")
    attempts = [attempt(scorer.ask, few, each, classes) for each in settings]
    findings = advise(prepared.classes, attempts, attempts[0], scorer.reading, examined, given=True, reordered=False)
    return Probed(
        sha256=describe(shop.weights("teacher")).sha256,
        val_miou=measure_miou(net, data, device=shop.device, precision=shop.spec.train.precision),
        trials=record(attempts, scorer.reading.channels),
        findings=[as_warning(finding) for finding in findings],
    )


def as_warning(finding: Finding) -> Finding:
    """What would refuse a file of unknown settings only warns of a network whose settings are known."""
    return finding.model_copy(update={"severity": "warning"}) if finding.severity == "error" else finding
