"""Weights from files, for a whole network or for its backbone.

Loading is strict. A teacher whose weights silently stayed random is the commonest failure that users of such tools
report, so a key too few, too many, of another shape or not finite is an error. Four things are understood: the layers
that frameworks wrap around a network's own keys are peeled off (:mod:`.unwrapping`); a network may know other
libraries' names for its keys; integer buffers may be absent, because nothing is learnt into them; and the auxiliary
head may be absent as a whole, because files saved for inference go without it and only training would miss it.

Files are opened in :mod:`.reading`, which never unpickles in this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from bpkd_core.models.base import SegmentationNet
from bpkd_core.models.checkpoints.fitting import require_fit, suggest
from bpkd_core.models.checkpoints.reading import read
from bpkd_core.models.checkpoints.unwrapping import unwrap
from bpkd_core.models.pretrained import require_file, translate_backbone

__all__ = ["load_backbone", "load_checkpoint"]


def load_checkpoint(net: SegmentationNet, path: Path) -> None:
    """Copy every weight of `net` from a file, after it took the variant of its architecture that the file holds.

    Raises InvalidCheckpoint, and then no weight was copied.
    """
    found = read(path)
    weights = unwrap(found.tensors, net.state_dict().keys(), net.translate_keys)
    net.conform(weights)
    own = net.state_dict()
    expected = {key: value for key, value in own.items() if not key.startswith(net.auxiliary)}
    if any(key.startswith(net.auxiliary) for key in weights):
        expected = own
    require_fit(
        f'"{path.name}" does not fit this {_describe(net)}',
        expected,
        weights,
        {**found.others, **dict.fromkeys(key for key in weights if key not in expected)},
        hint=lambda: suggest(found.tensors),
    )
    net.load_state_dict(weights, strict=False)


def load_backbone(net: SegmentationNet, path: Path) -> None:
    """Copy every weight of the backbone from a file and leave the heads as they are.

    The file may be an ImageNet classifier or a segmentation network with any classes; its heads are not read. Names are
    OpenMMLab's, torchvision's, timm's or the network's own. Raises InvalidCheckpoint, and then `net` is as it was.
    """
    prefix = net.backbone_prefix
    backbone = net.get_submodule(prefix.rstrip("."))
    require_file(backbone, path)
    expected = {key: value for key, value in net.state_dict().items() if key.startswith(prefix)}

    def translate(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        own = net.translate_keys(translate_backbone(backbone, weights, path.name))
        return own if any(key in expected for key in own) else {prefix + key: value for key, value in own.items()}

    weights = unwrap(read(path).tensors, expected.keys(), translate)
    require_fit(f'"{path.name}" does not fit the backbone of this {_describe(net)}', expected, weights)
    net.load_state_dict({key: weights[key] for key in expected if key in weights}, strict=False)


def _describe(net: SegmentationNet) -> str:
    return f"{type(net).__name__} with {net.num_classes} classes"
