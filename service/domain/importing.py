"""A student that came from elsewhere becomes a version: tried first, where it can do no harm."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bpkd_core.bundle import ClassInfo, FileInfo
from bpkd_core.errors import InvalidInput
from bpkd_core.foreign.student import StudentFacts, describe_student, examine_student
from service.domain.errors import NotFound, TooLarge
from service.domain.models import Release, Repoint, Version
from service.domain.ports import Artifacts, Entropy, Models, Uploads
from service.domain.predictions import SEAL_BYTES
from service.domain.uploads import Received

IMPORTED = "imported"
MAX_BYTES = 2 * 2**30
"""The largest message that protobuf can read."""


class Parts(Protocol):
    """What of the service it takes."""

    @property
    def models(self) -> Models: ...  # noqa: D102 - the ports

    @property
    def artifacts(self) -> Artifacts: ...  # noqa: D102

    @property
    def entropy(self) -> Entropy: ...  # noqa: D102


@dataclass(frozen=True)
class Stranger:
    """A file and what is said of it. classes: None where it names them itself. alias: moved to the version, if any."""

    path: Path
    model: str
    classes: Sequence[ClassInfo] | None = None
    alias: str | None = None
    by: str | None = None


def upload_id(sha256: str) -> str:
    """What names an upload that belongs to no record yet."""
    return f"file_{sha256}"


def require_hash(uploads: Uploads, came: Received, sha256: str) -> None:
    """Forget the bytes and raise InvalidInput if they are not what their address says."""
    if came.sha256 != sha256:
        uploads.discard(upload_id(sha256))
        raise InvalidInput(f"What came has the sha256 {came.sha256}; expected that of the address", param="sha256")


def uploaded(uploads: Uploads, sha256: str) -> Path:
    """A file that has come, looked at again: a server that died may have left one of another hash. Raises NotFound."""
    if (came := uploads.whole(upload_id(sha256))) is None or came.sha256 != sha256:
        hint = f"Send it to /v1/uploads/{sha256}/content first; it is kept for a day."
        raise NotFound("No file with this hash was uploaded, or its upload is not complete", param="sha256", hint=hint)
    return came.path


def import_version(parts: Parts, stranger: Stranger) -> Version:
    """Try a file, keep it, and publish it. The same bytes again give the same version. Raises InvalidModel.

    A file that does not name its classes gets them written into it, so that it can go on alone.
    """
    if stranger.path.stat().st_size > MAX_BYTES:
        raise TooLarge(f"The file has more than {MAX_BYTES} bytes, which is the most that an ONNX file can have")
    facts = examine_student(stranger.path, stranger.classes)
    release = Release(
        model=stranger.model,
        job_id=None,
        dataset_sha256=facts.metadata.get("dataset_sha256"),
        files={"student.onnx": _keep(parts.artifacts, stranger, facts)},
        classes=tuple(facts.classes),
        provenance=_provenance(facts),
        alias=stranger.alias,
        created_by=stranger.by,
        seal=parts.entropy(SEAL_BYTES).hex(),
    )
    made = parts.models.publish(release, by=stranger.by)
    if stranger.alias is not None:  # bytes that were a version before are published without a move
        parts.models.move_alias(Repoint(made.model, stranger.alias, made.version, by=stranger.by, reason=IMPORTED))
    return made


def _keep(artifacts: Artifacts, stranger: Stranger, facts: StudentFacts) -> FileInfo:
    if facts.described:
        return artifacts.keep(stranger.path)
    with TemporaryDirectory() as folder:
        copy = Path(shutil.copy(stranger.path, folder))
        with copy.open("ab") as file:
            file.write(describe_student(b"", facts.classes))  # the words stand at the end, whatever is before them
        return artifacts.keep(copy)


def _provenance(facts: StudentFacts) -> dict[str, str]:
    """What the file says of itself, and what was found; the latter wins."""
    found = {
        "source": IMPORTED,
        "opset": str(facts.opset),
        "parameters": str(facts.parameters),
        "latency_ms": f"{facts.latency_ms:.1f}",
    }
    return facts.metadata | found
