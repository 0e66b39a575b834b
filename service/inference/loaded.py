"""One version in memory: checked against its hash, its contract read, warmed up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bpkd_core.bundle import ClassInfo, describe
from bpkd_core.errors import InvalidModel
from bpkd_core.infer import Session
from bpkd_core.infer.session import CPU
from service.domain.models import Version

WARM_UP_HW = (360, 480)


@dataclass(frozen=True)
class Loaded:
    """A version, ready to be asked from several threads.

    alone: a session over all cores, for the only request there is. together: a session that stays on the caller's
    thread, for many requests at once; all threads share it, because one session a thread measured the same (15 images/s
    each with two threads) and costs its memory again. size_bytes: the file's, times the sessions. seal: the version's.
    """

    model: str
    version: int
    alone: Session
    together: Session
    size_bytes: int
    seal: str | None = None

    @property
    def tag(self) -> str:
        """`street@3`."""
        return f"{self.model}@{self.version}"

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        """What the ids of its masks mean."""
        return self.together.classes

    @property
    def provider(self) -> str:
        """The execution provider that really runs."""
        return self.together.provider

    def predict(self, image_HW3: NDArray[np.uint8], *, alone: bool) -> NDArray[np.unsignedinteger]:
        """Class ids (H, W) for an RGB image. Raises InvalidImage."""
        return (self.alone if alone else self.together).predict(image_HW3)


def load(version: Version, path: Path, *, threads: int, provider: str = CPU) -> Loaded:
    """Read, check and warm up a version's file. Raises InvalidModel and ProviderRefused."""
    info = describe(path)
    if info.sha256 != version.onnx_sha256:
        raise InvalidModel(f"The file of {version.model}@{version.version} differs from its hash; publish it again")
    together = Session(path, providers=(provider,), intra_op_threads=1)
    alone = together if threads == 1 or provider != CPU else Session(path, intra_op_threads=threads)
    sessions = {id(each): each for each in (alone, together)}.values()
    try:
        for session in sessions:
            session.warm_up(WARM_UP_HW)
    except Exception as error:  # onnxruntime's errors have no common base
        reason = str(error).splitlines()[0][:200]
        raise InvalidModel(f"{version.model}@{version.version} does not run ({reason}); export it again") from error
    return Loaded(version.model, version.version, alone, together, info.size * len(sessions), version.seal)
