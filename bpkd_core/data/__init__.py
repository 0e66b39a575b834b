"""Datasets: read them (`folder`), judge them (`validate`), draw them (`scenes`), augment and batch them.

What is exported here needs no torch; :mod:`bpkd_core.data.transforms` and :mod:`bpkd_core.data.batches` do.
"""

from bpkd_core.data.base import IGNORE_INDEX, ClassInfo, Sample, SegmentationDataset
from bpkd_core.data.folder import FolderDataset
from bpkd_core.data.layout import fingerprint, open_layout
from bpkd_core.data.report import Report
from bpkd_core.data.scenes import draw_scene, write_scenes
from bpkd_core.data.validate import check

__all__ = [
    "IGNORE_INDEX",
    "ClassInfo",
    "FolderDataset",
    "Report",
    "Sample",
    "SegmentationDataset",
    "check",
    "draw_scene",
    "fingerprint",
    "open_layout",
    "write_scenes",
]
