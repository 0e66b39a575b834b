"""What an ONNX file must be to be served, in names that both the exporter and the server read.

Input `image`: uint8 [N, H, W, 3], RGB, any H and W from 1. Output `mask`: [N, H, W] class ids at the image's size,
uint8, or uint16 beyond 255 classes (255 stays free to mean "no label"). Further outputs only on request: `confidence`,
float32 [N, H, W], the softmax of the winning class; `logits`, float32 [N, C, h, w], as the network gave them at
1/stride.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import TypeAdapter, ValidationError

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import InvalidModel

VERSION = "1"
IMAGE, MASK, CONFIDENCE, LOGITS = "image", "mask", "confidence", "logits"
OUTPUTS = (MASK, CONFIDENCE, LOGITS)
CONTRACT, CLASSES, IGNORE_INDEX, STRIDE = "bpkd.contract", "classes", "ignore_index", "stride"
OWN_KEYS = {CONTRACT, CLASSES, IGNORE_INDEX, STRIDE}
MAX_UINT8_CLASSES = 255

CLASS_LIST = TypeAdapter(tuple[ClassInfo, ...])


@dataclass(frozen=True)
class Contract:
    """What the file says of itself.

    classes: in the order of their ids, which are 0 .. C - 1. ignore_index: the label value that was never trained on
    and never appears in a mask. stride: pixels per cell of the logits. extra: whatever else the exporter recorded.
    Raises InvalidModel for other ids and for a key of `extra` that the contract writes itself.
    """

    classes: tuple[ClassInfo, ...]
    ignore_index: int
    stride: int
    extra: Mapping[str, str]

    def __post_init__(self) -> None:
        ids = [each.id for each in self.classes]
        if not ids or ids != list(range(len(ids))):
            raise InvalidModel(f"The class ids are {ids[:8]}; expected 0, 1, 2 ... in order, one per channel.")
        if taken := sorted(OWN_KEYS & self.extra.keys()):
            raise InvalidModel(f"The metadata may not set {', '.join(taken)}; these keys are the contract's own.")

    def to_metadata(self) -> dict[str, str]:
        """The key-value strings that travel in the file, sorted by key."""
        own = {
            CONTRACT: VERSION,
            CLASSES: json.dumps([each.model_dump(mode="json") for each in self.classes], ensure_ascii=False),
            IGNORE_INDEX: str(self.ignore_index),
            STRIDE: str(self.stride),
        }
        return dict(sorted({**self.extra, **own}.items()))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> Self:
        """Read what :meth:`to_metadata` wrote. Raises InvalidModel."""
        extra = dict(metadata)
        try:
            version = extra.pop(CONTRACT)
            classes = CLASS_LIST.validate_json(extra.pop(CLASSES))
            ignore_index, stride = int(extra.pop(IGNORE_INDEX)), int(extra.pop(STRIDE))
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


def mask_type(num_classes: int) -> str:
    """The element type of the mask, as onnxruntime spells it."""
    return "uint8" if num_classes <= MAX_UINT8_CLASSES else "uint16"
