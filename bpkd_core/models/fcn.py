"""The fully convolutional head (arXiv 1411.4038): HRNet's own, and the auxiliary one of the dilated networks."""

from __future__ import annotations

from torch import Tensor, nn

from bpkd_core.models.blocks import DROPOUT, conv_norm


class FCNHead(nn.Module):
    """One convolution, dropout and a classifier."""

    def __init__(self, c_in: int, width: int, num_classes: int, *, kernel: int = 3, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.convs = nn.Sequential(conv_norm(c_in, width, kernel))
        self.dropout = nn.Dropout2d(dropout)
        self.conv_seg = nn.Conv2d(width, num_classes, 1)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, c_in, h, w) to logits (N, C, h, w)."""
        return self.classify(self.convs(x_NCHW))

    def classify(self, features_NDHW: Tensor) -> Tensor:
        """Features (N, width, h, w), which the convolution gives, to logits (N, C, h, w)."""
        return self.conv_seg(self.dropout(features_NDHW))
