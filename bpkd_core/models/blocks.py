"""The parts that networks share, with OpenMMLab's key names (`conv`, `bn`)."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

DROPOUT = 0.1
"""The share of channels that a head drops before its classifier while it trains."""


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation that survives a single value per channel while it trains.

    Global pooling of a one-image micro-batch leaves 1x1 maps, which have no variance: torch raises there. Such
    a batch is normalised with the running statistics and does not move them (D).
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if self.training and input.numel() == input.shape[1]:
            return F.batch_norm(
                input,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                training=False,
                eps=self.eps,
            )
        return super().forward(input)


class StochasticDepth(nn.Module):
    """Leave a branch out for some images while it trains, and make it larger for the others (arXiv 1603.09382).

    rate: how often an image goes without the branch, below 1; the mean over images is that of the whole branch.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch_NHWC: Tensor) -> Tensor:
        """(N, H, W, C) to the same."""
        if not self.training or self.rate == 0:
            return branch_NHWC
        kept_N111 = branch_NHWC.new_empty(len(branch_NHWC), 1, 1, 1).bernoulli_(1 - self.rate)
        return branch_NHWC * (kept_N111 / (1 - self.rate))


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution without bias whose output has ceil(side / stride) pixels a side."""
    padding = dilation * (kernel // 2)
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, bias=False)


def conv_norm(c_in: int, c_out: int, kernel: int, stride: int = 1, *, relu: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, unless `relu` is off, ReLU."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=conv(c_in, c_out, kernel, stride), bn=BatchNorm(c_out))
    if relu:
        layers["act"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


def norm_conv(c_in: int, c_out: int, kernel: int) -> nn.Sequential:
    """Batch norm, ReLU, convolution: the pre-activation order."""
    return nn.Sequential(OrderedDict(bn=BatchNorm(c_in), act=nn.ReLU(inplace=True), conv=conv(c_in, c_out, kernel)))


def projection(c_in: int, c_out: int, stride: int) -> nn.Sequential | None:
    """The 1x1 shortcut of a residual block that changes size or width; None where the identity does."""
    if stride == 1 and c_in == c_out:
        return None
    return nn.Sequential(conv(c_in, c_out, 1, stride), BatchNorm(c_out))


def cover(side: int, piece: int) -> int:
    """How many pieces cover a side. Not -(-side // piece): ONNX divides negative numbers towards zero."""
    return (side + piece - 1) // piece


def resize(maps_NCHW: Tensor, like_NCHW: Tensor) -> Tensor:
    """Bilinear, corners not aligned, to the height and width of `like_NCHW`."""
    return F.interpolate(maps_NCHW, like_NCHW.shape[-2:], mode="bilinear", align_corners=False)


def initialise(net: nn.Module) -> None:
    """Set the convolutions so that a network trains from scratch: Kaiming normal, fan out (arXiv 1502.01852).

    The ones with a bias are the classifiers; they start near zero, so that the first loss is close to log C.
    """
    for module in net.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        if module.bias is None:
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        else:
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
