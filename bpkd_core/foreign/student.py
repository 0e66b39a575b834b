"""A student that came from elsewhere: does it keep the contract that served files keep? Asked in a limited child."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bpkd_core.bundle import ClassInfo, Value
from bpkd_core.errors import InvalidModel
from bpkd_core.infer.contract import CLASS_LIST, CONTRACT, Contract
from bpkd_core.infer.protobuf import count_parameters, read_metadata, read_opset, refuse_unsafe, with_metadata
from bpkd_core.infer.session import Session
from bpkd_core.sandbox import ChildFailed, run_limited

SHAPES_NHW = ((1, 1, 1), (1, 37, 53), (3, 64, 96), (1, 360, 480))
"""Batches that every served file must take; the last is the one that is timed."""
ROUNDS = 3
TIMEOUT_S = 60.0
MAX_WORDS = 64
GIB = 1 << 30


class StudentFacts(Value):
    """What was found. latency_ms: of one 360x480 image on one thread. metadata: what the file records of itself.

    described: whether the file names its classes itself; if not, the given ones must be written into it.
    """

    classes: list[ClassInfo]
    outputs: list[str]
    opset: int | None
    parameters: int
    latency_ms: float
    metadata: dict[str, str]
    described: bool


def examine_student(
    path: Path, classes: Sequence[ClassInfo] | None = None, *, timeout_s: float = TIMEOUT_S
) -> StudentFacts:
    """Open a file in a limited child process and run it at several sizes.

    classes: of a file that does not name them; None for one that does. Raises InvalidModel for a file that is unsafe,
    breaks the contract, or takes too much time or memory.
    """
    given = [each.model_dump(mode="json") for each in classes] if classes is not None else None
    memory_bytes = 2 * GIB + 4 * path.stat().st_size
    try:
        found = run_limited(try_student, str(path.absolute()), given, memory_bytes=memory_bytes, timeout_s=timeout_s)
    except ChildFailed as error:
        raise InvalidModel(
            f"The file cannot be served: {error.reason}; expected an ONNX file that answers to an image at once"
        ) from error
    return StudentFacts.model_validate(found)


def describe_student(data: bytes, classes: Sequence[ClassInfo]) -> bytes:
    """The file with its classes, and the rest of the contract's words, appended to it."""
    return with_metadata(data, Contract(tuple(classes), ignore_index=255, stride=1, extra={}).to_metadata())


def try_student(path: str, given: Any) -> dict[str, Any]:
    """Open the file and say what it is: StudentFacts as JSON. To be called through :func:`run_limited` only."""
    data = Path(path).read_bytes()
    described = _names_its_classes(data, given)
    session = Session(
        data if described else describe_student(data, CLASS_LIST.validate_python(given)), intra_op_threads=1
    )
    for shape in SHAPES_NHW:
        _run(session, shape)
    return StudentFacts(
        classes=list(session.classes),
        outputs=list(session.outputs),
        opset=read_opset(data),
        parameters=count_parameters(data),
        latency_ms=median(_run(session, SHAPES_NHW[-1]) for _ in range(ROUNDS)),
        metadata=_words(session.contract.extra),
        described=described,
    ).model_dump(mode="json")


def _names_its_classes(data: bytes, given: Any) -> bool:
    refuse_unsafe(data)
    described = CONTRACT in read_metadata(data)
    if described and given is not None:
        raise InvalidModel("The file names its classes itself; send it without any", param="classes")
    if not described and given is None:
        raise InvalidModel(
            f"The file does not name its classes (its metadata has no {CONTRACT}); expected them to be given",
            param="classes",
            hint="Send a list of {id, name, color}, or `bpkd models import FILE --name NAME --classes classes.json`.",
        )
    return described


def _run(session: Session, shape_NHW: tuple[int, int, int]) -> float:
    """Milliseconds for a batch of noise. Raises InvalidModel for an answer that is no mask."""
    images = np.random.default_rng(0).integers(0, 256, (*shape_NHW, 3), dtype=np.uint8)
    started = time.perf_counter()
    try:
        masks = session.predict_batch(images)
    except InvalidModel:
        raise
    except Exception as error:  # onnxruntime raises a dozen unrelated classes
        said = "it asks for too much memory" if "alloc" in str(error).lower() else str(error).splitlines()[0][:200]
        raise InvalidModel(f"The file fails at images of {'x'.join(map(str, images.shape))} ({said})") from error
    took_ms = (time.perf_counter() - started) * 1000
    if (highest := int(masks.max())) >= len(session.classes):
        raise InvalidModel(f"The mask holds the id {highest}; expected ids below {len(session.classes)}, one per class")
    return took_ms


def _words(metadata: Mapping[str, str]) -> dict[str, str]:
    """The first words, each short: a stranger's file may record a novel."""
    return {key[:100]: json.dumps(value)[1:-1][:500] for key, value in list(metadata.items())[:MAX_WORDS]}
