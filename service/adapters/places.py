"""Where artifacts are kept, as a URL says it: `s3://bucket/prefix?endpoint=...&region=...` or `file:///folder`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from bpkd_core.errors import InvalidInput

_HINT = "Such as s3://bucket/prefix?endpoint=https://s3.example.org&region=eu-central-1, or file:///var/lib/bpkd/files."
_OPTIONS = frozenset({"endpoint", "region"})


@dataclass(frozen=True)
class Bucket:
    """A place in an S3-compatible store.

    endpoint: None for Amazon's own. access_key_id, secret_access_key: None to look where Amazon's tools look (AWS_*
    variables, then the machine's role).
    """

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    @property
    def plain_http(self) -> bool:
        """Whether the endpoint is one without TLS."""
        return (self.endpoint or "").startswith("http://")


def parse_place(url: str) -> Path | Bucket:
    """A folder or a bucket. Raises InvalidInput for a URL that names neither."""
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/") and not parts.query:
        return Path(unquote(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts)
    raise InvalidInput(
        f'The URL of the artifacts is "{parts.scheme}://{parts.netloc}{parts.path}"; expected s3:// with a bucket, or '
        "file:/// with a folder",
        param="artifacts_url",
        hint=_HINT,
    )


def _bucket(parts: SplitResult) -> Bucket:
    options = dict(parse_qsl(parts.query))
    if unknown := options.keys() - _OPTIONS:
        raise InvalidInput(
            f'The URL of the artifacts has the option "{min(unknown)}"; expected endpoint or region',
            param="artifacts_url",
            hint=_HINT,
        )
    if "@" in parts.netloc:
        raise InvalidInput(
            "The URL of the artifacts holds credentials; expected them in variables of their own",
            param="artifacts_url",
            hint="Set BPKD_S3_ACCESS_KEY_ID and BPKD_S3_SECRET_ACCESS_KEY: a URL ends up in logs.",
        )
    return Bucket(parts.netloc, unquote(parts.path).strip("/"), options.get("endpoint"), options.get("region"))
