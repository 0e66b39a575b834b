"""Which files and folders a request may name: those inside the server's import roots, wherever links lead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpkd_core.errors import InvalidInput
from bpkd_core.spec import HUB_ID, CheckpointTeacher, OnnxTeacher, Student, TrainedTeacher
from service.schemas import CheckpointFile, JobRequest, OnnxFile, RegisteredTeacher

Network = Student | TrainedTeacher | CheckpointTeacher | OnnxTeacher
FOLDER_OF = "hf:"
"""What begins the name of a network that a folder or a hub's repository describes."""


def importable_folder(path: str, roots: Sequence[Path]) -> Path:
    """A dataset's folder, resolved. Raises InvalidInput, and says nothing about paths outside the roots."""
    folder = importable(path, roots, param="path")
    if not folder.is_dir():
        raise InvalidInput(f"{folder} is no folder; expected the folder of a dataset", param="path")
    return folder


def importable_file(path: str, roots: Sequence[Path], *, param: str = "path") -> Path:
    """A file, resolved. Raises InvalidInput as :func:`importable_folder` does."""
    file = importable(path, roots, param=param)
    if not file.is_file():
        raise InvalidInput(f"{file} is no file; expected a file of the server", param=param)
    return file


def with_network(file: OnnxFile | CheckpointFile, roots: Sequence[Path]) -> OnnxFile | CheckpointFile:
    """A teacher's file with the folder that its network may be named by resolved. Raises InvalidInput."""
    if isinstance(file, OnnxFile) or not file.arch.startswith(FOLDER_OF):
        return file
    return file.model_copy(update={"arch": _network(file.arch, roots, "file.arch")})


def with_files(job: JobRequest, roots: Sequence[Path]) -> JobRequest:
    """The job with every path that it names resolved. Raises InvalidInput that names the field."""
    student, teacher = _located(job.student, roots, "student"), job.teacher
    if not isinstance(teacher, RegisteredTeacher):
        teacher = _located(teacher, roots, "teacher")
    return job.model_copy(update={"student": student, "teacher": teacher})


def _located(network: Network, roots: Sequence[Path], role: str) -> Network:
    """The network with its weights' place, and the folder that it may be named by, resolved."""
    changes: dict[str, Any] = {}
    if isinstance(network, CheckpointTeacher | OnnxTeacher):
        changes["path"] = importable(str(network.path), roots, param=f"{role}.path")
    elif network.pretrained is not None:
        changes["pretrained"] = _place(network.pretrained, roots, f"{role}.pretrained")
    if not isinstance(network, OnnxTeacher) and network.arch.startswith(FOLDER_OF):
        changes["arch"] = _network(network.arch, roots, f"{role}.arch")
    return network.model_copy(update=changes)


def _network(arch: str, roots: Sequence[Path], param: str) -> str:
    return FOLDER_OF + _place(arch.removeprefix(FOLDER_OF), roots, param)


def _place(name: str, roots: Sequence[Path], param: str) -> str:
    """A hub id as it is, anything else as a path."""
    return name if HUB_ID.fullmatch(name) else str(importable(name, roots, param=param))


def importable(path: str, roots: Sequence[Path], *, param: str) -> Path:
    """A file or folder that is there, resolved. Raises InvalidInput, and says nothing about paths outside the roots."""
    try:
        found = Path(path).resolve()
        if not any(found.is_relative_to(root.resolve()) for root in roots):
            raise InvalidInput(
                "The path is in none of the folders that files may come from",
                param=param,
                hint="Set BPKD_IMPORT_ROOTS to the folders that may be read, separated by colons, and start the API "
                "again.",
            )
        there = found.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidInput("The path cannot be read; expected the path of a file or folder", param=param) from error
    if not there:
        raise InvalidInput(f"{found} is not there; expected a file or folder of the server", param=param)
    return found
