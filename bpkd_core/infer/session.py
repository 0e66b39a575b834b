"""Run a served file: image in, mask out. NumPy and onnxruntime only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from bpkd_core.bundle import ClassInfo
from bpkd_core.errors import InvalidImage, InvalidModel, ProviderRefused
from bpkd_core.infer.contract import CONFIDENCE, IMAGE, LOGITS, MASK, Contract, mask_type
from bpkd_core.infer.protobuf import refuse_unsafe

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
_NEGATION = bytes.fromhex(
    "08083a320a0b0a017812017922034e65671201675a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a02080142040a001011"
)
"""y = -x on one float: the smallest network that can be run."""
FOLDED_BYTES_MAX = 1 << 20  # without it a file of 133 bytes takes 1.5 GiB while the session is created
ERRORS_ONLY = 3


class Session:
    """`Session("student.onnx").predict(image_HW3) -> mask_HW`. Safe to call from several threads.

    model: a path or the file's bytes. providers: in order of preference; the first must be the one that runs, because
    onnxruntime falls back silently. intra_op_threads: None means one per core. spinning: whether idle threads burn a
    core for lower latency. Raises InvalidModel for a file that breaks the contract, ProviderRefused.

    contract: classes, ignore_index, stride and the exporter's other records. metadata: all of the file's strings.
    provider: what really runs. threads: how many one image runs on. outputs: `mask`, and what else the file gives.
    """

    def __init__(
        self,
        model: str | Path | bytes,
        *,
        providers: Sequence[str] = (CPU,),
        intra_op_threads: int | None = None,
        spinning: bool = False,
    ) -> None:
        _refuse_unknown(providers)
        self.threads = intra_op_threads or os.cpu_count() or 1
        self._run = start(model, providers, self.threads, spinning)
        self.provider: str = self._run.get_providers()[0]
        _refuse_fallback(self._run, providers[0])
        self.metadata: Mapping[str, str] = self._run.get_modelmeta().custom_metadata_map
        self.contract = Contract.from_metadata(self.metadata)
        self.outputs = tuple(each.name for each in self._run.get_outputs())
        _check_values(self._run, self.contract)

    @property
    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes in the order of their ids."""
        return self.contract.classes

    def predict(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """RGB uint8 (H, W, 3), H and W from 1, to class ids (H, W), uint8 or uint16. Raises InvalidImage."""
        if image_HW3.ndim != 3:
            raise InvalidImage(f"The image has shape {image_HW3.shape}; expected (H, W, 3).")
        return self.predict_batch(image_HW3[np.newaxis])[0]

    def predict_batch(self, images_NHW3: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """Images of one size (N, H, W, 3) to masks (N, H, W). Raises InvalidImage."""
        return self.run(images_NHW3, (MASK,))[MASK]

    def run(self, images_NHW3: NDArray[np.uint8], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The named outputs of a batch. Raises InvalidImage, and InvalidModel for an output that the file lacks."""
        _check_images(images_NHW3)
        if missing := [name for name in outputs if name not in self.outputs]:
            raise InvalidModel(
                f"The model has no output {missing[0]}, only {', '.join(self.outputs)}; export it with one."
            )
        values = self._run.run(list(outputs), {IMAGE: np.ascontiguousarray(images_NHW3)})
        arrays = {name: np.asarray(value) for name, value in zip(outputs, values, strict=True)}
        if MASK in arrays and arrays[MASK].shape != images_NHW3.shape[:3]:
            raise InvalidModel(
                f"The model gave a mask {arrays[MASK].shape} for images {images_NHW3.shape[:3]}; expected equal sizes."
            )
        return arrays

    def warm_up(self, hw: tuple[int, int]) -> None:
        """Run one black image of this size, so that the first request does not pay for allocations."""
        self.predict(np.zeros((*hw, 3), np.uint8))


def _read(model: str | Path | bytes) -> bytes:
    if isinstance(model, bytes):
        return model
    try:
        return Path(model).read_bytes()
    except OSError as error:
        raise InvalidModel(f"{Path(model).name} cannot be read ({error.strerror}); expected an .onnx file.") from error


def _refuse_unknown(providers: Sequence[str]) -> None:
    known = ort.get_available_providers()
    if not providers or providers[0] not in known:
        asked = providers[0] if providers else "no provider"
        raise ProviderRefused(f"{asked} was asked for; this onnxruntime was built with {', '.join(known)}.")


def _refuse_fallback(run: ort.InferenceSession, provider: str) -> None:
    runs_on = run.get_providers()[0]
    if runs_on != provider:
        raise ProviderRefused(
            f"onnxruntime would run on {runs_on} instead of {provider}; "
            f"mend its installation, or ask for {runs_on} by name."
        )


@cache
def require_provider(provider: str) -> None:
    """Start a network of one node on a provider. Raises ProviderRefused if onnxruntime lacks it or falls back."""
    _refuse_unknown((provider,))
    _refuse_fallback(start(_NEGATION, (provider,), 1), provider)


def start(
    model: str | Path | bytes, providers: Sequence[str], threads: int, spinning: bool = False
) -> ort.InferenceSession:
    """Start onnxruntime on bytes, never on a path, so that nothing can be reached beside the file.

    Raises InvalidModel for a file that cannot be read, is unsafe or is no ONNX model.
    """
    data = _read(model)
    refuse_unsafe(data)
    if CUDA in providers:
        ort.preload_dlls()  # from the packages that torch brings: no other place is searched
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.add_session_config_entry("optimization.constant_folding_max_output_size_in_bytes", str(FOLDED_BYTES_MAX))
    try:
        return ort.InferenceSession(data, options, providers=list(providers))
    except Exception as error:  # onnxruntime raises a dozen unrelated classes for a bad model
        reason = str(error).splitlines()[0][:200]
        raise InvalidModel(f"onnxruntime refuses the model ({reason}); export it again.") from error


def _check_values(run: ort.InferenceSession, contract: Contract) -> None:
    """Raise InvalidModel unless inputs and outputs are the contract's, by name, type and shape."""
    classes = len(contract.classes)
    expected = {
        IMAGE: ("tensor(uint8)", 4, {3: 3}),
        MASK: (f"tensor({mask_type(classes)})", 3, {}),
        CONFIDENCE: ("tensor(float)", 3, {}),
        LOGITS: ("tensor(float)", 4, {1: classes}),
    }
    inputs, outputs = run.get_inputs(), run.get_outputs()
    if [each.name for each in inputs] != [IMAGE] or MASK not in [each.name for each in outputs]:
        raise InvalidModel(
            f"The model takes {[each.name for each in inputs]} and gives {[each.name for each in outputs]}; "
            "expected one input named image and an output named mask."
        )
    for value in (*inputs, *outputs):
        if value.name not in expected:
            raise InvalidModel(f"The model has an output {value.name}; expected mask, confidence or logits.")
        kind, rank, fixed = expected[value.name]
        free = (size for axis, size in enumerate(value.shape) if axis not in fixed)
        fits = len(value.shape) == rank and all(value.shape[axis] == size for axis, size in fixed.items())
        if value.type != kind or not fits or any(isinstance(size, int) for size in free):
            raise InvalidModel(
                f"{value.name} is {value.type} {value.shape}; expected {kind} of rank {rank} with free batch and size."
            )


def _check_images(images: NDArray[np.uint8]) -> None:
    if images.dtype != np.uint8:
        raise InvalidImage(f"The image holds {images.dtype}; expected uint8, 0 to 255.")
    if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
        raise InvalidImage(f"The images have shape {images.shape}; expected (N, H, W, 3) with no side of 0.")
