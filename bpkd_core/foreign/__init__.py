"""Somebody else's ONNX file: fed as it expects, its scores put into the dataset's classes, tried before it is trusted.

NumPy and onnxruntime only: no torch here.
"""

from bpkd_core.foreign.findings import Finding, Probe, Trial
from bpkd_core.foreign.probe import probe_file
from bpkd_core.foreign.reading import Reading
from bpkd_core.foreign.session import ScoreSession

__all__ = ["Finding", "Probe", "Reading", "ScoreSession", "Trial", "probe_file"]
