"""The classes of the drawn streets, and colours that several of them share.

Greys serve roads, pavements, walls, poles and cars alike, greens serve leaves, cars, fences and walls: a network that
looks at colour alone does not get far.
"""

from __future__ import annotations

from numpy.random import Generator

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo

Colour = tuple[int, int, int]

SKY, BUILDING, ROAD, PAVEMENT, VEGETATION, POLE, SIGN, FENCE, CAR, PEDESTRIAN, BICYCLIST = range(11)
VOID = IGNORE_INDEX

CLASSES = (
    ClassInfo(id=SKY, name="sky", color=(126, 178, 221)),
    ClassInfo(id=BUILDING, name="building", color=(158, 94, 76)),
    ClassInfo(id=ROAD, name="road", color=(112, 84, 134)),
    ClassInfo(id=PAVEMENT, name="pavement", color=(226, 140, 190)),
    ClassInfo(id=VEGETATION, name="vegetation", color=(98, 146, 62)),
    ClassInfo(id=POLE, name="pole", color=(178, 178, 178)),
    ClassInfo(id=SIGN, name="sign", color=(240, 206, 50)),
    ClassInfo(id=FENCE, name="fence", color=(172, 142, 102)),
    ClassInfo(id=CAR, name="car", color=(38, 66, 170)),
    ClassInfo(id=PEDESTRIAN, name="pedestrian", color=(220, 48, 60)),
    ClassInfo(id=BICYCLIST, name="bicyclist", color=(130, 20, 60)),
)

GREYS = ((62, 62, 66), (92, 92, 94), (122, 121, 118), (150, 149, 146), (178, 176, 172), (205, 204, 202))
BRICKS = ((138, 78, 62), (158, 104, 82), (112, 66, 56), (176, 130, 104), (196, 170, 138), (214, 200, 172))
GREENS = ((58, 86, 44), (84, 110, 52), (44, 70, 46), (112, 124, 62), (72, 96, 72))
AUTUMN = ((150, 104, 48), (164, 80, 44), (128, 112, 52))
PAINTS = ((168, 32, 36), (30, 58, 120), (226, 226, 224), (24, 26, 30), (196, 168, 48), (58, 104, 110), (120, 62, 40))
SKINS = ((236, 196, 166), (204, 154, 120), (150, 102, 72), (92, 62, 46))
SIGN_FACES = ((190, 26, 36), (28, 70, 160), (236, 236, 232), (222, 180, 30), (40, 120, 74), (150, 150, 150))


def pick(rng: Generator, *families: tuple[Colour, ...], spread: float = 10.0) -> Colour:
    """A colour of one of the families, each channel moved by some grey levels."""
    family = families[int(rng.integers(len(families)))]
    red, green, blue = family[int(rng.integers(len(family)))]
    common, *own = rng.normal(0.0, spread / 3, 4).tolist()
    return clip(red + 3 * common + own[0], green + 3 * common + own[1], blue + 3 * common + own[2])


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter."""
    return clip(colour[0] * factor, colour[1] * factor, colour[2] * factor)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return clip(red, green, blue)


def clip(red: float, green: float, blue: float) -> Colour:
    """Three numbers as a colour that exists."""
    return min(255, max(0, int(red))), min(255, max(0, int(green))), min(255, max(0, int(blue)))
