"""Pascal Context with its 59 classes (Mottaghi and others, 2014), in the folders of VOC 2010.

::

    root/JPEGImages/NAME.jpg
    root/SegmentationClassContext/NAME.png                 0 = background, not counted; 1 .. 59 = the classes
    root/ImageSets/SegmentationContext/{train,val}.txt     names, one a line
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from bpkd_core.data.base import ClassInfo
from bpkd_core.data.layouts.voc import VOC
from bpkd_core.data.masks import MaskCode, named_classes, shifted_code

CLASSES = named_classes("""
    b47878 aeroplane
    06e6e6 bicycle
    503232 bird
    04c803 boat
    787850 bottle
    8c8c8c bus
    cc05ff car
    e6e6e6 cat
    04fa07 chair
    e005ff cow
    ebff07 table
    96053d dog
    787846 horse
    08ff33 motorbike
    ff0652 person
    8fff8c pottedplant
    ccff04 sheep
    ff3307 sofa
    cc4603 train
    0066c8 tvmonitor
    3de6fa bag
    ff0633 bed
    0b66ff bench
    ff0747 book
    ff09e0 building
    0907e6 cabinet
    dcdcdc ceiling
    ff095c cloth
    7009ff computer
    08ffd6 cup
    07ffe0 door
    ffb806 fence
    0aff47 floor
    ff290a flower
    07ffff food
    e0ff08 grass
    6608ff ground
    ff3d06 keyboard
    ffc207 light
    ff7a08 mountain
    00ff14 mouse
    ff0829 curtain
    ff0599 platform
    0633ff sign
    eb0cff plate
    a09614 road
    00a3ff rock
    8c8c8c shelves
    fa0a0f sidewalk
    14ff00 sky
    1fff00 snow
    ff1f00 bedclothes
    ffe000 track
    99ff00 tree
    0000ff truck
    ff4700 wall
    00ebff water
    00adff window
    1f00ff wood
""")
CODE = shifted_code(len(CLASSES))


class PascalContext59(VOC):
    """59 classes; 0 is void and the rest is shifted by one."""

    name = "pascal_context59"
    expects = "JPEGImages, SegmentationClassContext and ImageSets/SegmentationContext"
    mask_folder = "SegmentationClassContext"
    list_folder = "ImageSets/SegmentationContext"
    fixes: ClassVar[Mapping[str, str]] = {
        "missing_pair": "Convert the annotations of Pascal Context to PNG masks in SegmentationClassContext.",
        "id_unmapped": "Convert the annotations with the 59 classes: 0 for the rest, 1 .. 59 in their order.",
        "empty_split": "Write the names of the images to ImageSets/SegmentationContext/train.txt and val.txt.",
    }

    @staticmethod
    def fits(root: Path) -> bool:
        """Known by the folder of its masks."""
        return (root / "JPEGImages").is_dir() and (root / "SegmentationClassContext").is_dir()

    def classes(self) -> tuple[ClassInfo, ...]:
        """The 59."""
        return CLASSES

    def code(self, mask: Path) -> MaskCode:
        """0 is no label."""
        del mask
        return CODE
