"""The how-to page on PostgreSQL and S3, typed, against a real PostgreSQL and an S3 that is a real HTTP server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psycopg
import pytest
from blocks import script
from fakes.networks import threshold_onnx
from fakes.postgres_server import running_postgres
from fakes.s3_server import BUCKET, s3_server
from PIL import Image
from test_docs_blocks import run

from service.adapters.files import FileArtifacts
from service.settings import read_settings
from service.wiring import wire

pytestmark = pytest.mark.e2e
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "s3-and-postgresql.md"


@pytest.mark.timeout(300)
def test_records_live_in_postgresql_and_files_in_s3(tmp_path: Path) -> None:
    # a network, a photo, and a file that the old installation had published
    (tmp_path / "student.onnx").write_bytes(threshold_onnx())
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photo.png")
    old = FileArtifacts(tmp_path / "home" / "artifacts").keep_bytes(b"from before")
    with running_postgres() as postgres, s3_server() as endpoint:
        typed = script(PAGE)
        for written, real in (
            ("postgresql://bpkd:secret@db.example.org/bpkd", postgres.url),
            ("https://s3.example.org", endpoint),
            ("s3://models/", f"s3://{BUCKET}/"),
        ):
            assert written in typed
            typed = typed.replace(written, real)
        run(typed, tmp_path)
        with Image.open(tmp_path / "mask.png") as mask:
            assert mask.size == (8, 8)
        url = f"s3://{BUCKET}/street-team?endpoint={endpoint}&region=eu-central-1"
        another = read_settings(
            home=tmp_path / "another",
            database_url=postgres.url,
            artifacts_url=url,
            s3_access_key_id="k",
            s3_secret_access_key="s",
        )
        service = wire(another)
        published = service.models.version("street", 1).onnx_sha256
        assert service.artifacts.path(published).stat().st_size > 0
        assert service.artifacts.path(old.sha256).read_bytes() == b"from before"
        service.close()
        with psycopg.connect(postgres.url.replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT count(*) FROM versions").fetchone() == (1,)
    assert not (tmp_path / "home" / "bpkd.sqlite").exists()
