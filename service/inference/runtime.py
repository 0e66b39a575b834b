"""The whole way of one image: bytes, pixels, mask, bytes again; on one thread of the pool, each stage timed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter

from bpkd_core.errors import InvalidModel
from bpkd_core.infer.images import decode_image
from bpkd_core.infer.session import CPU, CUDA, require_provider
from service.domain.errors import Unavailable
from service.domain.models import Version
from service.domain.ports import Artifacts, Clock, Entropy, Models
from service.domain.predictions import NONCE_BYTES, SEAL_BYTES, prediction_id
from service.inference.answers import RENDERERS, Mask, MediaType
from service.inference.live import Live
from service.inference.loaded import Loaded, load
from service.inference.pool import Pool
from service.schemas import DEFAULT_ALIAS
from service.settings import Settings

PROVIDERS = {"cpu": CPU, "cuda": CUDA}


@dataclass(frozen=True)
class Question:
    """What is asked, and by which request. version wins over alias; with neither, it is the default alias's version."""

    request_id: str
    model: str
    data: bytes
    media_type: MediaType = "image/png"
    alias: str | None = None
    version: int | None = None


@dataclass(frozen=True)
class Reply:
    """The mask as it travels. tag: `street@3`. seconds: queue, decode, infer, encode."""

    body: bytes
    prediction_id: str
    tag: str
    provider: str
    hw: tuple[int, int]
    dtype: str
    seconds: Mapping[str, float]


@dataclass
class _Stopwatch:
    """Time between laps, by name."""

    last: float = field(default_factory=perf_counter)
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.seconds[name], self.last = now - self.last, now


class Runtime:
    """Loaded models behind a pool of threads."""

    def __init__(
        self, settings: Settings, models: Models, artifacts: Artifacts, *, now: Clock, entropy: Entropy
    ) -> None:
        self._now, self._entropy = now, entropy
        self.threads = threads = settings.infer_threads or len(os.sched_getaffinity(0))

        def load_version(version: Version) -> Loaded:
            return load(version, artifacts.path(version.onnx_sha256), threads=threads, provider=self._provider)

        self._provider = PROVIDERS[settings.infer_provider]
        self._max_pixels = settings.max_image_pixels
        self.pool = Pool(threads=threads, waiting=settings.infer_queue)
        self.live = Live(models, load_version, budget_bytes=settings.infer_memory_bytes)

    def require_provider(self) -> None:
        """Raise ProviderRefused unless networks run on what the settings promise."""
        require_provider(self._provider)

    def ask(self, question: Question) -> Future[Reply]:
        """Queue a question; cancelling the future before its turn means that it never runs.

        Raises Busy. The future raises NotFound, UnsupportedImage, InvalidImage, and Unavailable for a broken model.
        """
        watch = _Stopwatch()
        return self.pool.submit(lambda: self._answer(question, watch))

    def _answer(self, question: Question, watch: _Stopwatch) -> Reply:
        loaded = self._find(question)
        watch.lap("queue")
        image = decode_image(question.data, max_pixels=self._max_pixels)
        watch.lap("decode")
        ids = loaded.predict(image, alone=self.pool.admitted == 1)
        watch.lap("infer")
        name = self._name(loaded, question.request_id)
        body = RENDERERS[question.media_type](Mask(name, loaded, image, ids))
        watch.lap("encode")
        height, width = ids.shape
        return Reply(body, name, loaded.tag, loaded.provider, (height, width), ids.dtype.name, watch.seconds)

    def _name(self, loaded: Loaded, request_id: str) -> str:
        """The prediction's id. That of a version without a seal, which an older worker published, leads nowhere."""
        seal = loaded.seal or self._entropy(SEAL_BYTES).hex()
        return prediction_id(seal, now=self._now(), request_id=request_id, entropy=self._entropy(NONCE_BYTES))

    def _find(self, question: Question) -> Loaded:
        try:
            if question.version is not None:
                return self.live.version(question.model, question.version)
            return self.live.alias(question.model, question.alias or DEFAULT_ALIAS)
        except InvalidModel as error:
            raise Unavailable(f'Model "{question.model}" cannot be served: {error.message}') from error
