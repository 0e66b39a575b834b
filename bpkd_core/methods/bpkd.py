"""Boundary-privileged knowledge distillation (WACV 2024, arXiv 2306.08075): edges and bodies apart.

The marks say whose word a choice is: C the authors' own figure, README or configurations; A several independent
re-implementations agree; D ours, where the sources are silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from bpkd_core.boundary import EdgeBands, VoidRule, edge_bands
from bpkd_core.errors import InvalidInput
from bpkd_core.methods.base import (
    LogitMethod,
    Losses,
    aligned,
    check_choice,
    check_logits,
    check_positive,
    check_weight,
    check_weights,
    size_of,
)
from bpkd_core.methods.divergence import pixel_kl, scaled_channel_kl, sparse_pixel_kl

PreMask = Literal["multiply", "off"]
EdgeNorm = Literal["class_sum", "class_mean", "pixels"]


@dataclass(frozen=True, kw_only=True)
class BoundaryPrivilegedKD(LogitMethod):
    """`lambda_edge * L_E + lambda_body * L_B` with M the soft edge masks of the labels at the logits' size.

    edge_width_px: side of the window that makes the bands, in label pixels (7: A).
    temperature_edge, temperature_body: T of either softmax (1: A, weakly).
    alpha: weight of each class inside L_E (2: A). lambda_edge, lambda_body: weights of the terms (50, 20: A); 0 leaves
        the term out altogether, for the ablations.
    pre_mask: "multiply" takes z * M into the edge softmax, so a class without an edge at a pixel stands there with
        logit 0 (C); "off" takes z.
    post_mask: weigh the divergence of a pixel for class c by M_c (C). False: every pixel counts for each class that has
        an edge in the image, and n_c counts every pixel (D).
    edge_norm: "class_sum" adds the classes (C), so L_E grows with the classes present; "class_mean" divides by the
        number of classes with an edge in the image; "pixels" divides once, by the sum of all n_c (both D).
    void: what void labels do to the edges, see :func:`bpkd_core.boundary.edge_masks` (D).
    center: take each pixel's mean logit out before the edge term, which otherwise is not invariant to a shift of all
        logits: with z * M, only some of them move (D, off).
    """

    edge_width_px: int = 7
    temperature_edge: float = 1.0
    temperature_body: float = 1.0
    alpha: float = 2.0
    lambda_edge: float = 50.0
    lambda_body: float = 20.0
    pre_mask: PreMask = "multiply"
    post_mask: bool = True
    edge_norm: EdgeNorm = "class_sum"
    void: VoidRule = "transparent"
    center: bool = False

    def __post_init__(self) -> None:
        """Raise InvalidInput for an option out of range."""
        check_positive(temperature_edge=self.temperature_edge, temperature_body=self.temperature_body)
        check_weight(alpha=self.alpha)
        check_weights(lambda_edge=self.lambda_edge, lambda_body=self.lambda_body)
        check_choice("pre_mask", self.pre_mask, get_args(PreMask))
        check_choice("edge_norm", self.edge_norm, get_args(EdgeNorm))
        check_choice("void", self.void, get_args(VoidRule))
        if self.edge_width_px < 1 or self.edge_width_px % 2 == 0:
            found = f"edge_width_px is {self.edge_width_px}"
            raise InvalidInput(f"{found}; it must be odd and positive, such as 7.", param="edge_width_px")

    def bands(self, labels_NHW: Tensor, size_hw: tuple[int, int]) -> EdgeBands:
        """The edge masks of labels at the size of the logits."""
        return edge_bands(
            labels_NHW,
            self.num_classes,
            width_px=self.edge_width_px,
            size_hw=size_hw,
            ignore_index=self.ignore_index,
            void=self.void,
        )

    def __call__(
        self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor, *, bands: EdgeBands | None = None
    ) -> Losses:
        """Compare the raw logits of one batch. bands: of its labels, where they were made before."""
        if bands is None:
            return super().__call__(student_NChw, teacher_NChw, labels_NHW)
        check_logits((student_NChw, teacher_NChw), labels_NHW, self.num_classes)
        if bands.shape_NChw != student_NChw.shape:
            raise InvalidInput(
                f"The edges have the shape {bands.shape_NChw}; expected the student's, {tuple(student_NChw.shape)}.",
                param="bands",
            )
        with torch.autocast(student_NChw.device.type, enabled=False):
            return self._compare(*aligned((student_NChw, teacher_NChw)), bands)

    def compare(self, student_NChw: Tensor, teacher_NChw: Tensor, labels_NHW: Tensor) -> Losses:
        """The terms are `edge` (alpha inside) and `body`; the diagnostic is the gap between the mean logits."""
        return self._compare(student_NChw, teacher_NChw, self.bands(labels_NHW, size_of(student_NChw)))

    def _compare(self, student_NChw: Tensor, teacher_NChw: Tensor, bands: EdgeBands) -> Losses:
        bands = bands.to(student_NChw.dtype)
        return Losses.weigh(
            {"edge": self.lambda_edge, "body": self.lambda_body},
            {
                "edge": lambda: self._edge(student_NChw, teacher_NChw, bands),
                "body": lambda: self._body(student_NChw, teacher_NChw, bands),
            },
            diagnostics={"mean_logit_gap": student_NChw.detach().mean() - teacher_NChw.mean()},
        )

    def _edge(self, student_NChw: Tensor, teacher_NChw: Tensor, bands: EdgeBands) -> Tensor:
        """L_E: pre-mask, softmax over classes, KL; then the post-mask's weight of every pixel, summed."""
        if self.center:
            student_NChw = student_NChw - student_NChw.mean(1, keepdim=True)
            teacher_NChw = teacher_NChw - teacher_NChw.mean(1, keepdim=True)
        if self.pre_mask == "multiply":
            student_E, teacher_E = (
                logits_NChw.flatten().index_select(0, bands.index_E) * bands.share_E
                for logits_NChw in (student_NChw, teacher_NChw)
            )
            kl = sparse_pixel_kl(
                student_E, teacher_E, bands.pixel_E, bands.num_pixels, self.num_classes, self.temperature_edge
            )
        else:
            kl = pixel_kl(student_NChw, teacher_NChw, self.temperature_edge).flatten()
        return (kl * self._pixel_weights(bands)).sum() / len(student_NChw)

    def _pixel_weights(self, bands: EdgeBands) -> Tensor:
        """Sum over classes of alpha * M_c / n_c for every pixel: (N * h * w,).

        The divergence of a pixel is the same for every class, so the figure's repeat over classes, post-mask and
        per-class mean come down to one weight per pixel, from the labels alone.
        """
        images, classes, height, width = bands.shape_NChw
        sizes_NC = bands.channel_E.bincount(minlength=images * classes).view(images, classes).to(bands.share_E)  # n_c
        if not self.post_mask:
            sizes_NC = sizes_NC.sign() * (height * width)
        divisors_NC = sizes_NC.sum(1, keepdim=True) if self.edge_norm == "pixels" else sizes_NC
        weights_NC = self.alpha * sizes_NC.sign() / divisors_NC.clamp(min=1)  # what is absent is an exact 0
        if self.edge_norm == "class_mean":
            weights_NC = weights_NC / sizes_NC.sign().sum(1, keepdim=True).clamp(min=1)
        if not self.post_mask:
            return weights_NC.sum(1).repeat_interleave(height * width)
        weights_P = bands.share_E.new_zeros(bands.num_pixels)
        return weights_P.index_add_(0, bands.pixel_E, weights_NC.flatten()[bands.channel_E] * bands.share_E)

    def _body(self, student_NChw: Tensor, teacher_NChw: Tensor, bands: EdgeBands) -> Tensor:
        """L_B: channel-wise distillation of what the edges leave, z * (1 - M) (A)."""
        return scaled_channel_kl(student_NChw, teacher_NChw, bands.index_E, 1 - bands.share_E, self.temperature_body)
