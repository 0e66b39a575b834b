"""From a trained network to one ONNX file, pixels in and class ids out, and the proof that it says what torch says."""

from bpkd_core.export.onnx import ExportInfo, export_onnx

__all__ = ["ExportInfo", "export_onnx"]
