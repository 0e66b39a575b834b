"""Models, as the client sees them: published, promoted, downloaded, asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
from numpy.typing import NDArray

from bpkd_core.bundle import Result
from service.client.files import save
from service.client.transport import Transport
from service.schemas import DEFAULT_ALIAS, Alias, AliasMove, List, Model, Prediction, Version


@dataclass(frozen=True)
class Mask:
    """A mask and who made it. ids: class ids (H, W), uint8 or uint16. model: `street@3`. timing: as Server-Timing."""

    ids: NDArray[np.unsignedinteger]
    model: str
    prediction_id: str
    provider: str
    timing: str


class Models:
    """`client.models`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, model: str) -> Model:
        """One model and where its aliases point."""
        return Model.model_validate_json(self._transport.get(f"/v1/models/{model}").content)

    def list(self, *, limit: int = 20, after: str | None = None) -> List[Model]:
        """Models by name."""
        return List[Model].model_validate_json(self._transport.get("/v1/models", limit=limit, after=after).content)

    def versions(self, model: str, *, limit: int = 20, after: str | None = None) -> List[Version]:
        """Versions, the newest first."""
        answer = self._transport.get(f"/v1/models/{model}/versions", limit=limit, after=after)
        return List[Version].model_validate_json(answer.content)

    def version(self, model: str, version: int) -> Version:
        """One version."""
        return Version.model_validate_json(self._transport.get(f"/v1/models/{model}/versions/{version}").content)

    def report(self, model: str, version: int) -> Result:
        """How good a version is."""
        return Result.model_validate_json(self._transport.get(f"/v1/models/{model}/versions/{version}/report").content)

    def download(self, model: str, version: int, target: Path) -> Path:
        """The ONNX file; it is compared with its hash, and whole or absent."""
        return save(self._transport, f"/v1/models/{model}/versions/{version}/onnx", target)

    def alias(self, model: str, alias: str = DEFAULT_ALIAS) -> Alias:
        """Where an alias points."""
        return Alias.model_validate_json(self._transport.get(f"/v1/models/{model}/aliases/{alias}").content)

    def promote(
        self,
        model: str,
        version: int,
        alias: str = DEFAULT_ALIAS,
        *,
        expected_revision: int | None = None,
        reason: str | None = None,
    ) -> Alias:
        """Point an alias at a version. expected_revision: what you saw; 0 for a new alias, None for whatever."""
        headers = {} if expected_revision is None else {"If-Match": f'"{expected_revision}"'}
        body = {"version": version, "reason": reason}
        answer = self._transport.send("PUT", f"/v1/models/{model}/aliases/{alias}", json=body, headers=headers)
        return Alias.model_validate_json(answer.content)

    def rollback(self, model: str, alias: str = DEFAULT_ALIAS, *, reason: str | None = None) -> Alias:
        """Point an alias at the version that was live before."""
        answer = self._transport.post(f"/v1/models/{model}/aliases/{alias}/rollback", {"reason": reason})
        return Alias.model_validate_json(answer.content)

    def history(self, model: str, alias: str = DEFAULT_ALIAS) -> List[AliasMove]:
        """Every move of an alias, oldest first."""
        answer = self._transport.get(f"/v1/models/{model}/aliases/{alias}/history")
        return List[AliasMove].model_validate_json(answer.content)

    def infer(self, model: str, image: bytes | Path, *, alias: str | None = None, version: int | None = None) -> Mask:
        """The mask of an image, given as the bytes of a PNG, JPEG or WebP file or as its path."""
        answer = self._ask(model, image, "application/octet-stream", alias, version)
        shape = int(answer.headers["X-Mask-Height"]), int(answer.headers["X-Mask-Width"])
        dtype = np.dtype(answer.headers["X-Mask-Dtype"]).newbyteorder("<")
        return Mask(
            ids=np.frombuffer(answer.content, dtype).reshape(shape),
            model=answer.headers["X-Model"],
            prediction_id=answer.headers["X-Prediction-Id"],
            provider=answer.headers["X-Execution-Provider"],
            timing=answer.headers["Server-Timing"],
        )

    def draw(
        self,
        model: str,
        image: bytes | Path,
        *,
        form: Literal["image/png", "image/jpeg"] = "image/png",
        alias: str | None = None,
        version: int | None = None,
    ) -> bytes:
        """The mask as a palette PNG, or over the image as a JPEG."""
        return self._ask(model, image, form, alias, version).content

    def describe(
        self, model: str, image: bytes | Path, *, alias: str | None = None, version: int | None = None
    ) -> Prediction:
        """The areas of the classes."""
        answer = self._ask(model, image, "application/json", alias, version)
        return Prediction.model_validate_json(answer.content)

    def _ask(
        self, model: str, image: bytes | Path, accept: str, alias: str | None, version: int | None
    ) -> httpx.Response:
        which = {"alias": alias, "version": version}
        return self._transport.send(
            "POST",
            f"/v1/models/{model}/infer",
            content=image if isinstance(image, bytes) else image.read_bytes(),
            params={name: value for name, value in which.items() if value is not None},
            headers={"Accept": accept, "Content-Type": "application/octet-stream"},
        )
