"""Who the student learns from: a network of the catalog run by torch, or an ONNX file run by onnxruntime."""

from __future__ import annotations

from bpkd_core.teachers.base import Teacher
from bpkd_core.teachers.network import TorchTeacher
from bpkd_core.teachers.onnx import OnnxTeacher
from bpkd_core.teachers.partial import KnownClasses

__all__ = ["KnownClasses", "OnnxTeacher", "Teacher", "TorchTeacher"]
