"""Image bytes in, mask out: every form of the answer, and every way to be refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fakes.networks import threshold_onnx
from fakes.services import publish
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from service.wiring import Service

INFER = "/v1/models/street/infer"


def picture(height: int = 5, width: int = 7, form: str = "PNG") -> bytes:
    """Left half dark, right half bright."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


EXPECTED = np.repeat([[0, 0, 0, 1, 1, 1, 1]], 5, axis=0)


def test_a_mask_comes_as_a_palette_png_by_default(api: TestClient, service: Service) -> None:
    # the picture must show the classes' colours and still hold the ids: people and programs read the same file
    publish(service)
    answer = api.post(INFER, content=picture())
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    mask = Image.open(io.BytesIO(answer.content))
    assert np.array_equal(np.asarray(mask), EXPECTED)
    assert mask.convert("RGB").getpixel((6, 0)) == (200, 100, 50)
    assert answer.headers["x-model"] == "street@1"
    assert answer.headers["x-prediction-id"].startswith("pred_")
    assert answer.headers["x-execution-provider"] == "CPUExecutionProvider"
    stages = [each.partition(";")[0] for each in answer.headers["server-timing"].split(", ")]
    assert stages == ["queue", "decode", "infer", "encode"]
