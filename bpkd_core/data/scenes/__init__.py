"""Street scenes drawn by this project: a data set for a first run, for tests and for demonstrations.

Nothing is copied from anywhere: geometry, colours and noise come from a seed, so the same seed gives the same bytes.
Eleven classes and void; thin poles, ragged leaves, occlusion, shadows, haze, sensor noise and JPEG artefacts make the
borders worth learning, and shared colours make them hard.
"""

from __future__ import annotations

import simplejpeg

from bpkd_core.data.base import Sample
from bpkd_core.data.scenes.palette import CLASSES
from bpkd_core.data.scenes.store import scene_seed, write_scenes
from bpkd_core.data.scenes.street import render

__all__ = ["CLASSES", "draw_scene", "scene_seed", "write_scenes"]


def draw_scene(seed: int, height: int = 240, width: int = 320) -> Sample:
    """The scene of a seed: uint8 RGB after JPEG compression, and its labels, ids of CLASSES or 255."""
    image, labels, quality = render(seed, height, width)
    return Sample(simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(image, quality), "RGB"), labels)
