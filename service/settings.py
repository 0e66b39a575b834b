"""Every setting, read from `BPKD_*` variables; no other module reads the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bpkd_core.errors import InvalidInput
from service.domain.leases import HEARTBEAT_S, LEASE_S

MEMORY_URL = "memory://"
SECRETS = Path("/run/secrets")
"""Where containers find what nobody else should read: `bpkd_database_url` holds the value of BPKD_DATABASE_URL."""


class Settings(BaseSettings):
    """The settings of one process. Build them with :func:`read_settings`."""

    model_config = SettingsConfigDict(env_prefix="BPKD_", env_ignore_empty=True, frozen=True, extra="forbid")

    home: Path = Field(
        default_factory=lambda: Path.home() / ".bpkd", description="folder of the embedded database, files and jobs"
    )
    database_url: str = Field(
        default="", description="postgresql+psycopg://..., sqlite:///FILE or memory://; default: a file in home"
    )
    artifacts: Path | None = Field(default=None, description="folder of published files; default: artifacts in home")
    artifacts_url: str = Field(
        default="", description="s3://BUCKET/PREFIX?endpoint=...&region=... or file:///FOLDER, in place of `artifacts`"
    )
    s3_access_key_id: str | None = Field(
        default=None, description="key of the object store; without one, the AWS_* variables and the machine's role"
    )
    s3_secret_access_key: SecretStr | None = Field(default=None, description="secret of that key")
    cache_bytes: int = Field(
        default=10 * 2**30, ge=0, description="size of the local copies of an object store's files, in home/cache"
    )
    redis_url: str | None = Field(default=None, description="broker of the hints; without one, workers poll")
    host: str = Field(default="127.0.0.1", description="address that the API listens on")
    port: int = Field(default=8400, ge=0, le=65535, description="port that the API listens on; 0 takes a free one")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("localhost", "127.0.0.1", "[::1]"), description="names that a Host header may give, comma-separated"
    )
    auth: Literal["auto", "required", "off"] = Field(
        default="auto", description="whether an API key is needed; auto: unless the API listens on loopback only"
    )
    first_key: str | None = Field(
        default=None,
        min_length=20,
        max_length=200,
        description="API key that is let in while there is no other; commands on this machine send it",
    )
    import_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="folders that datasets may be registered from, separated by colons"
    )
    webhook_private_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="private hosts, addresses and networks that webhooks may be sent to, comma-separated",
    )
    max_body_bytes: int = Field(default=64 * 2**20, ge=1024, description="largest body of a request")
    max_upload_bytes: int = Field(default=64 * 2**30, ge=1024, description="largest file that is uploaded")
    max_image_pixels: int = Field(default=16_000_000, ge=1, description="largest image that is decoded")
    infer_provider: Literal["cpu", "cuda"] = Field(
        default="cpu", description="what networks run on; ready only if they really do"
    )
    infer_threads: int = Field(default=0, ge=0, le=1024, description="inference threads; 0: one per core")
    infer_queue: int = Field(default=64, ge=1, le=100_000, description="images that may wait before the API says 429")
    infer_memory_bytes: int = Field(
        default=2 * 2**30, ge=1, description="ONNX bytes kept loaded before the oldest goes"
    )
    lease_s: float = Field(default=LEASE_S, gt=0, le=3600, description="how long a silent worker keeps its job")
    heartbeat_s: float = Field(default=HEARTBEAT_S, gt=0, le=3600, description="how often a worker says that it lives")
    poll_s: float = Field(default=2.0, gt=0, le=3600, description="how often an idle worker looks for work")
    stall_s: float = Field(default=1800.0, gt=0, description="silence after which a trainer counts as hung")
    grace_s: float = Field(
        default=60.0, gt=0, le=3600, description="time a trainer gets to write a checkpoint and stop"
    )
    keep_folders_days: float = Field(
        default=7.0,
        ge=0,
        le=10_000,
        description="how long a failed or cancelled job's folder stays, which a retry goes on from",
    )
    tidy_every_s: float = Field(default=3600.0, gt=0, description="how often what nobody can need any more is cleared")
    garbage_grace_s: float = Field(
        default=7 * 24 * 3600.0,
        ge=3600,
        description="how long a file that no record names is kept, and then once more set aside",
    )
    events_per_job: int = Field(
        default=20_000, ge=100, description="metrics and logs kept per job; beyond it, evenly thinned out"
    )
    probe_timeout_s: float = Field(
        default=600.0, ge=1, le=86_400, description="time that a teacher's file gets to answer to a few images"
    )
    otlp_endpoint: str | None = Field(
        default=None, description="OpenTelemetry collector for OTLP over HTTP, such as http://localhost:4318"
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="port of host where a worker shows its counters; 0: nowhere"
    )
    mlflow_tracking_uri: str | None = Field(
        default=None, repr=False, description="MLflow server or database that jobs are mirrored to"
    )
    tensorboard_dir: Path | None = Field(default=None, description="folder of event files that jobs are mirrored to")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least level of what is logged"
    )

    @field_validator("home", "tensorboard_dir", "artifacts")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        """A child that is started in another folder must find the same files."""
        return value and value.expanduser().absolute()

    @field_validator("allowed_hosts", "webhook_private_hosts", mode="before")
    @classmethod
    def _by_comma(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("import_roots", mode="before")
    @classmethod
    def _by_colon(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(
                f"heartbeat_s is {self.heartbeat_s:g}; expected at most half of lease_s ({self.lease_s:g}), "
                "so that one lost heartbeat costs nothing"
            )
        if self.artifacts and self.artifacts_url:
            raise ValueError("artifacts and artifacts_url are both given; expected one place for the files")
        return self

    @property
    def database(self) -> str:
        """The database's URL: the given one, or a SQLite file in `home`."""
        return self.database_url or f"sqlite:///{self.home / 'bpkd.sqlite'}"

    @property
    def artifacts_folder(self) -> Path:
        """Where artifacts are kept."""
        return self.artifacts or self.home / "artifacts"


def read_settings(**given: Any) -> Settings:
    """The environment's settings, then those of the files in :data:`SECRETS`; those given here win.

    Raises InvalidInput that names the variable.
    """
    try:
        return Settings(**{"_secrets_dir": SECRETS if SECRETS.is_dir() else None}, **given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"][:1]).upper()
        variable = f"BPKD_{name}" if name else "The settings"
        raise InvalidInput(f"{variable}: {first['msg'].removeprefix('Value error, ')}", param=name.lower()) from error
