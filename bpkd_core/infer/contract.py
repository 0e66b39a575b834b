"""What an ONNX file must be to be served, in names that both the exporter and the server read.

Input `image`: uint8 [N, H, W, 3], RGB, any H and W from 1. Output `mask`: [N, H, W] class ids at the image's size,
uint8, or uint16 beyond 255 classes (255 stays free to mean "no label"). Further outputs only on request: `confidence`,
float32 [N, H, W], the softmax of the winning class; `logits`, float32 [N, C, h, w], as the network gave them at
1/stride.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import TypeAdapter, ValidationError

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import InvalidModel

VERSION = "1"
IMAGE, MASK, CONFIDENCE, LOGITS = "image", "mask", "confidence", "logits"
OUTPUTS = (MASK, CONFIDENCE, LOGITS)
MAX_UINT8_CLASSES = 255

CLASS_LIST = TypeAdapter(tuple[ClassInfo, ...])


@dataclass(frozen=True)
class Contract:
    """What the file says of itself.

    classes: in the order of their ids, which are 0 .. C - 1. ignore_index: the label value that was never trained on
    and never appears in a mask. stride: pixels per cell of the logits. extra: whatever else the exporter recorded.
    """

    classes: tuple[ClassInfo, ...]
    ignore_index: int
    stride: int
    extra: Mapping[str, str]

    def __post_init__(self) -> None:
        check_classes(self.classes)

    def to_metadata(self) -> dict[str, str]:
        """The key-value strings that travel in the file, sorted by key."""
        own = {
            "bpkd.contract": VERSION,
            "classes": json.dumps([each.model_dump(mode="json") for each in self.classes], ensure_ascii=False),
            "ignore_index": str(self.ignore_index),
            "stride": str(self.stride),
        }
        if taken := sorted(own.keys() & self.extra.keys()):
            raise InvalidModel(f"metadata may not set {', '.join(taken)}; the exporter writes them itself.")
        return dict(sorted({**self.extra, **own}.items()))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Read what :meth:`to_metadata` wrote. Raises InvalidModel."""
        extra = dict(metadata)
        try:
            version = extra.pop("bpkd.contract")
            classes = CLASS_LIST.validate_json(extra.pop("classes"))
            ignore_index, stride = int(extra.pop("ignore_index")), int(extra.pop("stride"))
        except KeyError as error:
            raise InvalidModel(
                f"The model's metadata lacks {error}; expected bpkd.contract, classes, ignore_index and stride, "
                "as export_onnx writes them."
            ) from error
        except (ValidationError, ValueError) as error:
            raise InvalidModel(
                "The model's metadata is damaged: classes must be a JSON list of {id, name, color}, ignore_index and "
                "stride integers."
            ) from error
        if version != VERSION:
            raise InvalidModel(
                f'The model keeps contract "{version}"; this version serves "{VERSION}": export it again.'
            )
        return cls(classes, ignore_index, stride, extra)


def check_classes(classes: Sequence[ClassInfo]) -> None:
    """Raise InvalidModel unless the ids are 0 .. C - 1 in order: the mask holds channel numbers."""
    if not classes or [each.id for each in classes] != list(range(len(classes))):
        raise InvalidModel(
            f"The class ids are {[each.id for each in classes][:8]}; expected 0, 1, 2 ... in order, one per channel."
        )


def mask_type(num_classes: int) -> str:
    """The element type of the mask, as onnxruntime spells it."""
    return "uint8" if num_classes <= MAX_UINT8_CLASSES else "uint16"
