"""What a model answers, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import httpx
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Mask:
    """A mask and who made it. ids: class ids (H, W), uint8 or uint16. model: `street@3`. timing: as Server-Timing."""

    ids: NDArray[np.unsignedinteger]
    model: str
    prediction_id: str
    provider: str
    timing: str

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """From an answer of raw class ids and its headers."""
        headers = response.headers
        shape = int(headers["X-Mask-Height"]), int(headers["X-Mask-Width"])
        dtype = np.dtype(headers["X-Mask-Dtype"]).newbyteorder("<")
        return cls(
            ids=np.frombuffer(response.content, dtype).reshape(shape),
            model=headers["X-Model"],
            prediction_id=headers["X-Prediction-Id"],
            provider=headers["X-Execution-Provider"],
            timing=headers["Server-Timing"],
        )
