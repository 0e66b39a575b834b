# Made from service/client/aio/models.py; change it there (service/client/__init__.py says how).
"""Models, as the client sees them: published, promoted, downloaded, asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import httpx

from bpkd_core.bundle import ClassInfo, Result
from service.client.masks import Mask
from service.client.sync.downloads import save
from service.client.sync.transport import Transport
from service.client.sync.uploads import Tell, hash_file, say_nothing, upload
from service.schemas import DEFAULT_ALIAS, Alias, AliasMove, Lineage, List, Model, Prediction, Version

BASE = "/v1/models"
CardForm = Literal["text/markdown", "text/html"]


class Models:
    """`client.models`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, model: str) -> Model:
        """One model and where its aliases point."""
        return self._transport.get(Model, f"{BASE}/{model}")

    def list(self, *, limit: int = 20, after: str | None = None) -> List[Model]:
        """One page of models, by name."""
        return self._transport.get(List[Model], BASE, limit=limit, after=after)

    def iterate(self) -> Iterator[Model]:
        """Every model, by name."""
        return self._transport.iterate(Model, BASE)

    def versions(self, model: str, *, limit: int = 20, after: str | None = None) -> List[Version]:
        """One page of versions, the newest first."""
        return self._transport.get(List[Version], f"{BASE}/{model}/versions", limit=limit, after=after)

    def version(self, model: str, version: int) -> Version:
        """One version."""
        return self._transport.get(Version, f"{BASE}/{model}/versions/{version}")

    def report(self, model: str, version: int) -> Result:
        """How good a version is."""
        return self._transport.get(Result, f"{BASE}/{model}/versions/{version}/report")

    def download(self, model: str, version: int, target: Path) -> Path:
        """The ONNX file; it is compared with its hash, and whole or absent."""
        return save(self._transport, f"{BASE}/{model}/versions/{version}/onnx", target)

    def file(self, model: str, version: int, name: str, target: Path) -> Path:
        """One of the files that a version lists."""
        return save(self._transport, f"{BASE}/{model}/versions/{version}/files/{name}", target)

    def card(self, model: str, version: int, *, form: CardForm = "text/markdown") -> str:
        """The model card, as Markdown or as a page of HTML."""
        answer = self._transport.send("GET", f"{BASE}/{model}/versions/{version}/card", headers={"Accept": form})
        return answer.text

    def import_file(
        self,
        model: str,
        source: Path,
        *,
        classes: Sequence[ClassInfo] | None = None,
        alias: str | None = None,
        progress: Tell = say_nothing,
    ) -> Version:
        """Upload an ONNX file that came from elsewhere, and register it once it has been tried.

        It keeps the contract of ours: uint8 images in, class ids out. classes: of a file that does not name them.
        alias: moved to the new version.
        """
        sha256 = hash_file(self._transport, source)
        upload(self._transport, f"/v1/uploads/{sha256}/content", source, sha256=sha256, progress=progress)
        return self._import(model, classes, alias, sha256=sha256)

    def import_path(
        self, model: str, path: str, *, classes: Sequence[ClassInfo] | None = None, alias: str | None = None
    ) -> Version:
        """Register an ONNX file that the server can read. As :meth:`import_file`."""
        return self._import(model, classes, alias, path=path)

    def delete(self, model: str, version: int | None = None) -> None:
        """Forget a version, or the whole model. Refused while an alias points to it."""
        self._transport.delete(f"{BASE}/{model}" + (f"/versions/{version}" if version is not None else ""))

    def alias(self, model: str, alias: str = DEFAULT_ALIAS) -> Alias:
        """Where an alias points."""
        return self._transport.get(Alias, f"{BASE}/{model}/aliases/{alias}")

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
        return self._transport.put(Alias, f"{BASE}/{model}/aliases/{alias}", body, headers)

    def remove_alias(self, model: str, alias: str) -> None:
        """Let an alias point nowhere. Its history stays."""
        self._transport.delete(f"{BASE}/{model}/aliases/{alias}")

    def rollback(self, model: str, alias: str = DEFAULT_ALIAS, *, reason: str | None = None) -> Alias:
        """Point an alias at the version that was live before."""
        return self._transport.post(Alias, f"{BASE}/{model}/aliases/{alias}/rollback", {"reason": reason})

    def history(self, model: str, alias: str = DEFAULT_ALIAS) -> List[AliasMove]:
        """Every move of an alias, oldest first."""
        return self._transport.get(List[AliasMove], f"{BASE}/{model}/aliases/{alias}/history")

    def infer(self, model: str, image: bytes | Path, *, alias: str | None = None, version: int | None = None) -> Mask:
        """The mask of an image, given as the bytes of a PNG, JPEG or WebP file or as its path."""
        return Mask.of(self._ask(model, image, "application/octet-stream", alias, version))

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
        answer = self._ask(model, image, form, alias, version)
        return answer.content

    def describe(
        self, model: str, image: bytes | Path, *, alias: str | None = None, version: int | None = None
    ) -> Prediction:
        """The areas of the classes."""
        answer = self._ask(model, image, "application/json", alias, version)
        return Prediction.model_validate_json(answer.content)

    def trace(self, prediction_id: str) -> Lineage:
        """Where a mask comes from: version, job, data, teacher."""
        return self._transport.get(Lineage, f"/v1/predictions/{prediction_id}")

    def _import(self, model: str, classes: Sequence[ClassInfo] | None, alias: str | None, **where: str) -> Version:
        named = [each.model_dump(mode="json") for each in classes] if classes is not None else None
        body = {**where, "classes": named, "alias_on_success": alias}
        return self._transport.post(Version, f"{BASE}/{model}/versions", body)

    def _ask(
        self, model: str, image: bytes | Path, accept: str, alias: str | None, version: int | None
    ) -> httpx.Response:
        which = {"alias": alias, "version": version}
        return self._transport.send(
            "POST",
            f"{BASE}/{model}/infer",
            content=image if isinstance(image, bytes) else image.read_bytes(),
            params={name: value for name, value in which.items() if value is not None},
            headers={"Accept": accept, "Content-Type": "application/octet-stream"},
        )
