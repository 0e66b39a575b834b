from __future__ import annotations

from pathlib import Path

import pytest

from bpkd_core.errors import InvalidInput
from service.adapters.places import Bucket, parse_place


def test_a_folder_is_named_by_a_file_url() -> None:
    """Spaces and all."""
    assert parse_place("file:///var/lib/my%20files") == Path("/var/lib/my files")


def test_a_bucket_is_named_with_its_prefix_its_endpoint_and_its_region() -> None:
    """Of these only the name is needed."""
    assert parse_place("s3://models") == Bucket("models")
    found = parse_place("s3://models/team/a/?endpoint=http://127.0.0.1:9000&region=us-east-1")
    assert found == Bucket("models", "team/a", "http://127.0.0.1:9000", "us-east-1")
    assert isinstance(found, Bucket)
    assert found.plain_http


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("/var/lib/files", "expected s3://"),
        ("s3:///prefix", "expected s3://"),
        ("file://host/share", "expected s3://"),
        ("gs://bucket", "expected s3://"),
        ("s3://bucket?endpont=http://127.0.0.1", '"endpont"'),
        ("s3://key:canary@bucket", "credentials"),
    ],
)
def test_what_is_neither_is_refused_with_the_reason(url: str, word: str) -> None:
    """At the start, and not when the first training ends; a password does not show up in the message."""
    with pytest.raises(InvalidInput) as refused:
        parse_place(url)
    assert word in refused.value.message
    assert "canary" not in str(refused.value.to_dict())
