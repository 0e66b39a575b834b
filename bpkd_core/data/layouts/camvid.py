"""CamVid and its 11 classes (Brostow and others, 2009; Badrinarayanan and others, 2015), in two forms seen in the wild.

::

    root/{train,val,test}/NAME.png                    the form of SegNet, 360x480
    root/{train,val,test}annot/NAME.png               ids 0 .. 10, 11 = no label

    root/701_StillsRaw_full/NAME.png                  the original, 960x720; also called images
    root/LabeledApproved_full/NAME_L.png              colours of 32 labels, grouped into the 11; also called labels

The original has no lists: its images are split as SegNet's (A), by the video and the frame that a name holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo
from bpkd_core.data.files import IMAGE_SUFFIXES, MASK_SUFFIXES, list_files
from bpkd_core.data.layout import SPLITS, Layout, Pair, Split
from bpkd_core.data.masks import MaskCode, hex_colour, named_classes, plain_code

CLASSES = named_classes("""
    808080 sky
    800000 building
    c0c080 pole
    804080 road
    3c28de pavement
    808000 tree
    c08080 sign_symbol
    404080 fence
    400080 car
    404000 pedestrian
    0080c0 bicyclist
""")
GROUPS = """
    sky: 808080 Sky
    building: 008040 Bridge, 800000 Building, 40c000 Wall, 400040 Tunnel, c00080 Archway
    pole: c0c080 Column_Pole, 000040 TrafficCone
    road: 804080 Road, 8000c0 LaneMkgsDriv, c00040 LaneMkgsNonDriv
    pavement: 0000c0 Sidewalk, 40c080 ParkingBlock, 8080c0 RoadShoulder
    tree: 808000 Tree, c0c000 VegetationMisc
    sign_symbol: c08080 SignSymbol, 808040 Misc_Text, 004040 TrafficLight
    fence: 404080 Fence
    car: 400080 Car, 4080c0 SUVPickupTruck, c080c0 Truck_Bus, c04080 Train, 804040 OtherMoving
    pedestrian: 404000 Pedestrian, c08040 Child, 4000c0 CartLuggagePram, 408040 Animal
    bicyclist: 0080c0 Bicyclist, c000c0 MotorcycleScooter
    void: 000000 Void
"""
FORMS = (("701_StillsRaw_full", "LabeledApproved_full"), ("images", "labels"))
FRAME = re.compile(r"(?P<video>0001TP|0006R0|0016E5|Seq05VD)_f?(?P<number>\d+)")
FIRST_TEST_FRAME = 8550  # of 0001TP
VAL_FRAMES = range(7959, 8160)  # of 0016E5


def _original_code() -> MaskCode:
    ids = {each.name: each.id for each in CLASSES}
    groups = [line.strip().partition(": ") for line in GROUPS.strip().splitlines()]
    colours = {
        hex_colour(label.split()[0]): ids.get(name, IGNORE_INDEX)
        for name, _, labels in groups
        for label in labels.split(", ")
    }
    return MaskCode({}, colours, by_palette=True)


ORIGINAL = _original_code()
SEGNET = MaskCode({**plain_code(len(CLASSES)).ids, len(CLASSES): IGNORE_INDEX})


class CamVid(Layout):
    """11 classes; ids of the SegNet form or colours of the original."""

    name = "camvid"
    expects = "train and trainannot, or 701_StillsRaw_full and LabeledApproved_full"
    fixes: ClassVar[Mapping[str, str]] = {
        "missing_pair": "Every NAME.png wants a mask: trainannot/NAME.png, or LabeledApproved_full/NAME_L.png.",
        "id_unmapped": "SegNet's masks end at 11, which is no label; the original's have the 32 colours of CamVid.",
        "empty_split": "Unpack both archives, images and labels, into this folder.",
    }

    @staticmethod
    def fits(root: Path) -> bool:
        """Known by its pairs of folders, and for the original by the suffix of its masks."""
        return ((root / "train").is_dir() and (root / "trainannot").is_dir()) or _original_folders(root) is not None

    def find(self, split: Split) -> list[Pair]:
        """The images of a split in either form."""
        folders = _original_folders(self.root)
        if folders is None:
            return self._pairs(split, f"{split}annot", "")
        return [pair for pair in self._pairs(*folders, "_L") if _split_of(pair.name) == split]

    def classes(self) -> tuple[ClassInfo, ...]:
        """The 11."""
        return CLASSES

    def code(self, mask: Path) -> MaskCode:
        """By colour in the original, by id in SegNet's form."""
        return ORIGINAL if mask.stem.endswith("_L") else SEGNET

    def place(self, split: Split) -> str:
        """The split's folder, or that of all images."""
        folders = _original_folders(self.root)
        return f"{folders[0]}, by video and frame" if folders else split

    def _pairs(self, images: str, masks: str, mark: str) -> list[Pair]:
        drawn = list_files(self.root, masks, MASK_SUFFIXES)
        home = self.root / masks
        found = list_files(self.root, images, IMAGE_SUFFIXES)
        return [Pair(name, path, drawn.get(name + mark, home / f"{name}{mark}.png")) for name, path in found.items()]


def _original_folders(root: Path) -> tuple[str, str] | None:
    """Images and labels of the original, if this is it."""
    for images, labels in FORMS:
        if (root / images).is_dir() and any((root / labels).glob("*_L.png")):
            return images, labels
    return None


def _split_of(name: str) -> Split:
    """The split of a frame; train for a name that CamVid does not have."""
    frame = FRAME.match(name)
    if frame is None:
        return SPLITS[0]
    video, number = frame["video"], int(frame["number"])
    if video == "Seq05VD" or (video == "0001TP" and number >= FIRST_TEST_FRAME):
        return "test"
    return "val" if video == "0016E5" and number in VAL_FRAMES else "train"
