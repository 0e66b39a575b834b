"""Any semantic segmentation network of the transformers library, named `hf:<folder or hub id>`: an optional extra.

The folder holds a `config.json` and perhaps weights; a hub id is looked for in the local cache first. Weights are kept
where there are some, but for the classifiers if they count other classes; without weights the network is fresh.
Pickled weights are opened as any stranger's are, and code in a folder is never run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from bpkd_core.data.transforms import MEAN, STD
from bpkd_core.errors import InvalidCheckpoint, InvalidInput, MissingExtra
from bpkd_core.models.base import Outputs, SegmentationNet
from bpkd_core.models.checkpoints.reading import read
from bpkd_core.models.hub import CONFIG, PICKLED, PIXELS, SAFE, find_folder
from bpkd_core.models.observed import Observed

try:
    from transformers import AutoConfig, AutoModelForSemanticSegmentation, PreTrainedModel
except ImportError as error:
    raise MissingExtra(
        "Networks named hf:... need the package transformers, which is not installed; "
        "install bpkd with its extra hf: pip install 'bpkd[hf]'."
    ) from error


class HfNet(Observed):
    """A network of the library behind the pixels that it was trained on.

    pixels: the folder's `preprocessor_config.json`; its mean, deviation and channel order are applied inside, so that
    the network takes what every network here takes. Empty: ImageNet's.
    """

    def __init__(self, num_classes: int, network: PreTrainedModel, pixels: Mapping[str, Any]) -> None:
        super().__init__(num_classes, network)
        inside = network.base_model_prefix
        self.backbone_prefix = f"network.{inside if inside and hasattr(network, inside) else 'backbone'}."
        mean, std = _normalisation(pixels)
        self.flips = bool(pixels.get("do_flip_channel_order", False))
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", (torch.tensor(STD) / std).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", ((torch.tensor(MEAN) - mean) / std).view(3, 1, 1), persistent=False)

    def call(self, images_NCHW: Tensor) -> None:
        """The scores are taken where the classifiers give them."""
        self.network(pixel_values=images_NCHW)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """As :meth:`Observed.score`."""
        pixels = images_NCHW * self.scale + self.shift
        return super().score(pixels.flip(1) if self.flips else pixels)


def build(name: str, num_classes: int) -> SegmentationNet:
    """Make the network of a folder or a hub id.

    Raises InvalidInput for one that is not there, is no segmentation network or takes images of one size only, and
    InvalidCheckpoint for weights that leave a part of the network random other than its head.
    """
    folder = find_folder(name)
    try:
        config = AutoConfig.from_pretrained(folder)  # nosec B615  # a folder, nothing is fetched
        config.num_labels = num_classes
        network = AutoModelForSemanticSegmentation.from_config(config)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f'"hf:{name}" holds no segmentation network of the transformers library '
            f"({str(error).splitlines()[0][:200]}); expected a folder whose {CONFIG} names one, such as SegFormer."
        ) from error
    pixels = folder / PIXELS
    return HfNet(num_classes, _weighted(network, folder), json.loads(pixels.read_bytes()) if pixels.exists() else {})


def _weighted(network: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """The network with the folder's weights, if it has some."""
    safe, pickled = any((folder / file).exists() for file in SAFE), folder / PICKLED
    if not (safe or pickled.exists()):
        return network
    loaded, report = cast("Any", type(network)).from_pretrained(
        folder if safe else None,
        config=network.config,
        state_dict=None if safe else dict(read(pickled).tensors),
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        dtype=torch.float32,
        use_safetensors=True,
    )
    inside = f"{network.base_model_prefix or 'backbone'}."
    other = [key for key, found, own in report["mismatched_keys"] if tuple(found)[1:] != tuple(own)[1:]]
    _require_whole(folder, [key for key in report["missing_keys"] if key.startswith(inside)], "lack")
    _require_whole(folder, other, "have in another shape")
    return loaded


def _require_whole(folder: Path, keys: Iterable[str], verb: str) -> None:
    if keys := sorted(keys):
        raise InvalidCheckpoint(
            f'The weights in "{folder.name}" {verb} {len(keys)} keys that its {CONFIG} asks for ({keys[0]}, ...); '
            "expected both from one network."
        )


def _normalisation(pixels: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    if pixels and not pixels.get("do_normalize", "image_mean" in pixels):
        return torch.zeros(3), torch.ones(3)
    return torch.tensor(pixels.get("image_mean", MEAN)), torch.tensor(pixels.get("image_std", STD))
