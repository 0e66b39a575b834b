"""Every way in which the library refuses or fails.

::

    BpkdError                         internal
    ├── InvalidInput                  invalid_input         the caller can mend it
    │   ├── UnknownName               unknown_name          names the nearest
    │   ├── InvalidSpec               invalid_spec
    │   ├── InvalidDataset            invalid_dataset       carries the validation report
    │   ├── UnsafeArchive             unsafe_archive        damaged, or more in it than plain files under honest names
    │   ├── InvalidImage              invalid_image         an image that cannot be read whole
    │   │   └── UnsupportedImage      unsupported_image     not an image, or not PNG, JPEG or WebP
    │   ├── InvalidCheckpoint         invalid_checkpoint
    │   └── InvalidModel              invalid_model         an ONNX file that breaks the contract
    ├── MissingExtra                  missing_extra         an optional dependency is not installed
    ├── Diverged                      diverged              the loss stayed non-finite
    ├── OutOfMemory                   out_of_memory
    ├── ParityFailed                  parity_failed         the exported file does not say what torch says
    ├── GateFailed                    gate_failed           a registration gate was not met
    ├── StorageFull                   storage_full          no room on the disk
    ├── ProviderRefused               provider_refused      another execution provider than asked for would run
    └── Stopped                       stopped               asked to stop; a checkpoint is written

A message says what was found, what was expected and what would work, in one sentence; `hint` may add the next step.
`param` is the dotted path of the field to blame, where there is one. Errors cross the process border as
:meth:`BpkdError.to_dict`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar


class BpkdError(Exception):
    """Base of the tree. `code` is stable; `retryable` says whether the same request may succeed later.

    details: the attributes beside the message that cross a process border; each is a keyword of the constructor.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    details: ClassVar[tuple[str, ...]] = ("param", "hint")

    def __init__(self, message: str, *, param: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.hint = hint

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON: code, message, param, hint, retryable; of an invalid dataset also its report."""
        details = {name: getattr(self, name) for name in self.details}
        return {"code": self.code, "message": self.message, **details, "retryable": self.retryable}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> BpkdError:
        """The error that :meth:`to_dict` described, of the class with that code; an unknown code gives the base."""
        code, message = data.get("code"), str(data.get("message"))
        kind = next((kind for kind in _family(BpkdError) if kind.code == code), BpkdError)
        return kind(message, **{name: data.get(name) for name in kind.details})


def _family(kind: type[BpkdError]) -> Iterator[type[BpkdError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


class InvalidInput(BpkdError):
    """The caller's input is wrong and the message says how to mend it."""

    code = "invalid_input"


class UnknownName(InvalidInput):
    """A name that is in no table. The message names the nearest."""

    code = "unknown_name"

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str], *, param: str | None = None) -> UnknownName:
        """`Unknown student "segformer_b00". Did you mean "segformer_b0"?`"""
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        message = f'Unknown {kind} "{name}".' + (f' Did you mean "{near[0]}"?' if near else "")
        return cls(message, param=param, hint=f"Known: {', '.join(names)}.")


class InvalidSpec(InvalidInput):
    """A job specification that does not parse or contradicts itself."""

    code = "invalid_spec"


class InvalidDataset(InvalidInput):
    """A dataset that cannot be trained on. `report` is the validation report as JSON."""

    code = "invalid_dataset"
    details = ("param", "hint", "report")

    def __init__(
        self,
        message: str,
        *,
        report: dict[str, Any] | None = None,
        param: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, param=param, hint=hint)
        self.report = report


class UnsafeArchive(InvalidInput):
    """An archive that is damaged, or holds more than plain files under honest names. `samples` names the entry."""

    code = "unsafe_archive"
    details = ("param", "hint", "samples")

    def __init__(
        self, message: str, *, samples: Sequence[str] | None = None, param: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, param=param, hint=hint)
        self.samples = tuple(samples or ())


class InvalidImage(InvalidInput):
    """Bytes that claim to be an image and cannot be read whole: truncated, empty, too many pixels."""

    code = "invalid_image"


class UnsupportedImage(InvalidImage):
    """Bytes that are no PNG, JPEG or WebP image."""

    code = "unsupported_image"


class InvalidCheckpoint(InvalidInput):
    """A checkpoint that is unsafe, damaged, or belongs to another network."""

    code = "invalid_checkpoint"


class InvalidModel(InvalidInput):
    """An ONNX file that does not keep the contract: uint8 NHWC image in, class-id mask out."""

    code = "invalid_model"


class MissingExtra(BpkdError):
    """An optional dependency is needed and not installed."""

    code = "missing_extra"


class Diverged(BpkdError):
    """The loss was not finite for many steps in a row."""

    code = "diverged"


class OutOfMemory(BpkdError):
    """A batch does not fit into memory."""

    code = "out_of_memory"


class ParityFailed(BpkdError):
    """The exported graph and torch disagree by more than the tolerance."""

    code = "parity_failed"


class GateFailed(BpkdError):
    """A student that was trained and measured, and did not meet a gate of its job."""

    code = "gate_failed"


class StorageFull(BpkdError):
    """No room is left where files or the database live."""

    code = "storage_full"
    retryable = True


class ProviderRefused(BpkdError):
    """onnxruntime would run on another execution provider than the one asked for."""

    code = "provider_refused"


class Stopped(BpkdError):
    """The run was asked to stop and has written a checkpoint; starting it again goes on from there."""

    code = "stopped"
    retryable = True
