"""A checkpoint of the catalog, probed as a foreign file is: its weights may have been trained on other pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bpkd_core.bundle import describe
from bpkd_core.data.base import SegmentationDataset, UInt8Array
from bpkd_core.errors import InvalidCheckpoint
from bpkd_core.foreign.conclusion import advise
from bpkd_core.foreign.examination import examine
from bpkd_core.foreign.findings import Finding, Probe, candidates
from bpkd_core.foreign.pixels import FixedHW, covered, fit, prepare
from bpkd_core.foreign.probe import IMAGES, choose
from bpkd_core.foreign.reading import Reading, identity
from bpkd_core.foreign.trials import affordable, attempt, record
from bpkd_core.models import build, load_checkpoint
from bpkd_core.models.base import SegmentationNet
from bpkd_core.models.cost import count_parameters
from bpkd_core.recipe.records import Prepared, Probed
from bpkd_core.recipe.workshop import Workshop
from bpkd_core.spec import CheckpointTeacher
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

    Raises InvalidCheckpoint for weights that give NaN or say nothing.
    """
    data, path = shop.data("val"), shop.weights("teacher")
    net = shop.served("teacher", prepared).to(shop.device)
    found = try_network(net, data, path)
    for finding in found.findings:
        if finding.severity == "error":
            raise InvalidCheckpoint(finding.message, param="teacher.path")
    return Probed(
        sha256=found.sha256,
        val_miou=measure_miou(net, data, device=shop.device, precision=shop.spec.train.precision),
        trials=found.trials,
        findings=found.findings,
    )


def probe_checkpoint(teacher: CheckpointTeacher, data: SegmentationDataset, *, search: bool) -> Probe:
    """The same without a run, on a few images. Raises InvalidCheckpoint for a file that does not fit its network."""
    net = build(teacher.arch, num_classes=len(data.classes))
    load_checkpoint(net, teacher.path)
    return try_network(net, data, teacher.path, search=search)


def try_network(net: SegmentationNet, data: SegmentationDataset, weights: Path, *, search: bool = True) -> Probe:
    """Read a network in every usual way on images of `data`, on the device where it is.

    The catalog says how its networks are fed, so a better setting is a warning and is not taken: the weights want the
    network that they were trained for. weights: the file that they are from. search: whether there are labels to
    compare with; without it only faults are found.
    """
    classes, device = len(data.classes), next(net.parameters()).device
    scorer = NetworkScorer(net, device, Reading(input=Pixels(), output=Scores(), channels=identity(classes)))
    samples, settings = choose(data, IMAGES if search else 1), list(candidates(None))
    start = time.monotonic()
    scorer.scores(samples[0].image_HW3[np.newaxis])
    few = samples[: affordable(settings, time.monotonic() - start)]
    examined = examine(scorer, few, None)
    attempts = [attempt(scorer.ask, few, each, classes) for each in settings] if search else []
    findings = examined.faults
    if search and not findings:
        advice = advise(data.classes, attempts, attempts[0], scorer.reading, examined, given=True, reordered=False)
        findings = [as_warning(finding) for finding in advice]
    return Probe(
        reading=scorer.reading,
        sha256=describe(weights).sha256,
        parameters=count_parameters(net),
        pixels_as_they_are=False,
        images=len(few),
        miou=examined.miou if search else None,
        trials=record(attempts, scorer.reading.channels),
        findings=findings,
    )


def as_warning(finding: Finding) -> Finding:
    """What would refuse a file of unknown settings only warns of a network whose settings are known."""
    return finding.model_copy(update={"severity": "warning"}) if finding.severity == "error" else finding
