"""From a trained network to one ONNX file, pixels in and class ids out, and the proof that it says what torch says."""

from bpkd_core.export.onnx import ExportInfo, export_onnx
from bpkd_core.export.parity import Parity, check_parity

__all__ = ["ExportInfo", "Parity", "check_parity", "export_onnx"]
