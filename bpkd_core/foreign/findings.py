"""What the probe of a teacher came to: every setting that was tried with its number, and what follows, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from bpkd_core.bundle import Value
from bpkd_core.errors import InvalidModel
from bpkd_core.foreign.reading import Channels, Reading
from bpkd_core.spec.foreign import Pixels

NORMALISATIONS: dict[str, Pixels] = {
    "ImageNet's mean and deviation": Pixels(),
    "pixels from 0 to 1": Pixels(mean=(0, 0, 0), std=(1, 1, 1)),
    "pixels from -1 to 1": Pixels(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "pixels from 0 to 255": Pixels(scale=1, mean=(0, 0, 0), std=(1, 1, 1)),
    "pixels from 0 to 255 less ImageNet's mean": Pixels(scale=1, mean=(123.675, 116.28, 103.53), std=(1, 1, 1)),
}


class Trial(Value):
    """One way to read the file. reordered: whether the file's classes were put into the order that fits best."""

    input: Pixels
    channels: Channels
    reordered: bool = False
    miou: float


class Finding(Value):
    """One thing that the probe has to say. A run refuses the teacher for an error and goes on after a warning."""

    severity: Literal["error", "warning", "note"]
    code: str
    message: str


class Probe(Value):
    """How a teacher is to be read, and the numbers behind that.

    miou: over the cells of its output, on `images` labelled images; null where nothing was compared. parameters: the
    numbers in its initialisers. pixels_as_they_are: the file takes uint8.
    """

    reading: Reading
    sha256: str
    parameters: int
    pixels_as_they_are: bool
    images: int
    miou: float | None
    trials: list[Trial]
    findings: list[Finding]

    def raise_if_bad(self) -> None:
        """Raise InvalidModel with the first error."""
        for finding in self.findings:
            if finding.severity == "error":
                raise InvalidModel(finding.message, param="teacher")


def candidates(given: Pixels | None) -> Iterator[Pixels]:
    """The settings worth a try, the likeliest first; what was asked for before all others."""
    if given:
        yield given
    for color in ("rgb", "bgr"):
        for pixels in NORMALISATIONS.values():
            candidate = pixels.model_copy(update={"color": color, "layout": given.layout if given else pixels.layout})
            if candidate != given:
                yield candidate


def say(pixels: Pixels, *, as_they_are: bool = False) -> str:
    """A setting in words: `BGR, pixels from 0 to 255`. as_they_are: for a file that takes uint8."""
    return f"{pixels.color.upper()}, {'pixels as they are' if as_they_are else _say_scale(pixels)}"


def say_difference(better: Pixels, than: Pixels) -> str:
    """What has to change: `BGR instead of RGB`."""
    parts = [
        (better.color.upper(), than.color.upper()),
        (_say_scale(better), _say_scale(than)),
        (better.layout.upper(), than.layout.upper()),
    ]
    return " and ".join(f"{ours} instead of {theirs}" for ours, theirs in parts if ours != theirs)


def _say_scale(pixels: Pixels) -> str:
    numbers = (pixels.scale, pixels.mean, pixels.std)
    named = (name for name, known in NORMALISATIONS.items() if (known.scale, known.mean, known.std) == numbers)
    return next(named, f"scale {pixels.scale:g}, mean {list(pixels.mean)}, std {list(pixels.std)}")
