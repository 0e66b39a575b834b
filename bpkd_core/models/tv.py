"""The segmentation networks of torchvision, named `tv:<name>`: an optional extra.

Key names are the library's, so its checkpoints load strictly. Nothing is downloaded.
"""

from __future__ import annotations

from importlib import import_module

import torch
from torch import Tensor, nn

from bpkd_core.errors import MissingExtra, UnknownName
from bpkd_core.models.base import Outputs, SegmentationNet


class TvNet(SegmentationNet):
    """A network of the library, asked before it enlarges the scores to the size of the image.

    LR-ASPP adds up two classifiers, so it has no features to show.
    """

    def __init__(self, num_classes: int, network: nn.Module) -> None:
        super().__init__(num_classes, stride=1, feature_channels=None)
        self.backbone = network.get_submodule("backbone")
        self.classifier = network.get_submodule("classifier")
        self.aux_classifier: nn.Module | None = getattr(network, "aux_classifier", None)
        self.auxiliary = ("aux_classifier.",) if self.aux_classifier else ()
        if isinstance(self.classifier, nn.Sequential):
            self.feature_channels = self.classifier[-1].in_channels
        with torch.no_grad():
            self.stride = 64 // self.eval().score(torch.zeros(1, 3, 64, 64)).logits.shape[-1]
        self.train()

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / stride), ceil(W / stride)), and one auxiliary in training."""
        maps = self.backbone(images_NCHW)
        if not isinstance(self.classifier, nn.Sequential):
            return Outputs(self.classifier(maps))
        *layers, classify = self.classifier
        features = scored = maps["out"]
        for layer in layers:
            scored = layer(scored)
            features = features if isinstance(layer, nn.Dropout) else scored
        logits = classify(scored)
        aux = (self.aux_classifier(maps["aux"]),) if self.aux_classifier and self.training else ()
        return Outputs(logits, aux, features)


def build(name: str, num_classes: int) -> SegmentationNet:
    """Make the network `name` with fresh weights. Raises UnknownName and MissingExtra."""
    try:
        models = import_module("torchvision.models")
    except ImportError as error:
        raise MissingExtra(
            f'"tv:{name}" needs the package torchvision, which is not installed; '
            "install bpkd with its extra tv: pip install 'bpkd[tv]'."
        ) from error
    known = models.list_models(module=models.segmentation)
    if name not in known:
        raise UnknownName.among("torchvision network", name, known, param="arch")
    aux = {} if name.startswith("lraspp") else {"aux_loss": True}
    return TvNet(
        num_classes, models.get_model(name, weights=None, weights_backbone=None, num_classes=num_classes, **aux)
    )
