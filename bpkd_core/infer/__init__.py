"""From image bytes to masks and back to bytes, with NumPy and onnxruntime: no torch here."""

from bpkd_core.infer.session import Session

__all__ = ["Session"]
