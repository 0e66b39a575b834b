"""The ways of arranging a dataset's files by name."""

from __future__ import annotations

from collections.abc import Mapping

from bpkd_core.catalog.plugin import Plugin

DATASETS: Mapping[str, Plugin] = {
    "folder": Plugin("bpkd_core.data.layouts.folder:Folder", "The canonical one: images/, masks/ and classes.json"),
    "ade20k": Plugin("bpkd_core.data.layouts.ade20k:ADE20K", "ADE20K, 150 classes", "arXiv 1608.05442"),
    "camvid": Plugin("bpkd_core.data.layouts.camvid:CamVid", "CamVid, 11 classes: SegNet's form or the original"),
    "cityscapes": Plugin("bpkd_core.data.layouts.cityscapes:Cityscapes", "Cityscapes, 19 classes", "arXiv 1604.01685"),
    "cvat": Plugin("bpkd_core.data.layouts.cvat:CVAT", "CVAT's export Segmentation mask 1.1, classes of your own"),
    "pascal_context59": Plugin(
        "bpkd_core.data.layouts.pascal_context:PascalContext59", "Pascal Context, 59 classes without background"
    ),
    "voc": Plugin("bpkd_core.data.layouts.voc:VOC", "Pascal VOC segmentation, 21 classes with background"),
}
