"""Any network of segmentation-models-pytorch, named `smp:<architecture>/<encoder>`: an optional extra.

Key names are the library's (`encoder.`, `decoder.`, `segmentation_head.`), so its checkpoints load strictly. Nothing is
downloaded: the weights are fresh, or the encoder's come from a file (`pretrained`).
"""

from __future__ import annotations

from importlib import import_module

from torch import Tensor, nn
from torch.nn import functional as F

from bpkd_core.errors import MissingExtra, UnknownName
from bpkd_core.models.base import Outputs, SegmentationNet

MULTIPLE = 32


class SmpNet(SegmentationNet):
    """A network of the library, asked before the last, parameterless upsampling of its head.

    That step interpolates with align_corners=True and ours does not, so masks of a checkpoint trained there differ by
    up to half a cell of the logits at the rim of the image.
    """

    backbone_prefix = "encoder."

    def __init__(self, num_classes: int, network: nn.Module) -> None:
        head = network.get_submodule("segmentation_head")
        classify, upsample = head.get_submodule("0"), head.get_submodule("1")
        assert isinstance(classify, nn.Conv2d)
        super().__init__(num_classes, int(getattr(upsample, "scale_factor", 1)), classify.in_channels)
        self.encoder = network.get_submodule("encoder")
        self.decoder = network.get_submodule("decoder")
        self.segmentation_head = nn.Sequential(classify)

    def score(self, images_NCHW: Tensor) -> Outputs:
        """(N, 3, H, W) to logits (N, C, ceil(H / stride), ceil(W / stride)).

        The library's decoders only take multiples of 32: others are filled up with the mean colour, and the logits of
        what was filled in are cut off.
        """
        height, width = images_NCHW.shape[2:]
        padded = F.pad(images_NCHW, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
        features = self.decoder(self.encoder(padded))
        rows, columns = slice(-(-height // self.stride)), slice(-(-width // self.stride))
        logits = self.segmentation_head(features)
        return Outputs(logits[:, :, rows, columns], features=features[:, :, rows, columns])


def build(name: str, num_classes: int) -> SegmentationNet:
    """Make `<architecture>/<encoder>` with fresh weights. Raises UnknownName for a name the library has not."""
    architecture, _, encoder = name.partition("/")
    try:
        library = import_module("segmentation_models_pytorch")
    except ImportError as error:
        raise MissingExtra(
            f'"smp:{name}" needs the package segmentation-models-pytorch, which is not installed; '
            "install bpkd with its extra smp: pip install 'bpkd[smp]'."
        ) from error
    try:
        network = library.create_model(architecture, encoder_name=encoder, encoder_weights=None, classes=num_classes)
    except KeyError as error:
        reason = str(error.args[0]) if error.args else ""
        raise UnknownName(
            f'segmentation-models-pytorch has no network "{architecture}" on the encoder "{encoder}" ({reason[:200]}); '
            "expected a name such as smp:fpn/resnet18.",
            param="arch",
        ) from error
    return SmpNet(num_classes, network)
