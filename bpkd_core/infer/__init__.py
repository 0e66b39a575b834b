"""From image bytes to masks and back to bytes, with NumPy and onnxruntime: no torch here."""

from bpkd_core.infer.images import decode_image
from bpkd_core.infer.latency import measure_latency
from bpkd_core.infer.palette import Colour, colourise, default_palette, overlay
from bpkd_core.infer.png import encode_png
from bpkd_core.infer.rle import compress_rle, encode_rle
from bpkd_core.infer.session import Session

__all__ = [
    "Colour",
    "Session",
    "colourise",
    "compress_rle",
    "decode_image",
    "default_palette",
    "encode_png",
    "encode_rle",
    "measure_latency",
    "overlay",
]
