"""The registry in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.adapters.memory.store import MemoryStore, paged
from service.domain.errors import NotFound
from service.domain.models import Alias, AliasMove, Model, Release, Repoint, Version
from service.domain.ports import Listing, Page


class MemoryModels:
    """The port Models."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def publish(self, release: Release, *, by: str | None = None) -> Version:
        with self._store.lock:
            if release.job_id not in self._store.jobs:
                raise NotFound.of("job", release.job_id)
            versions = self._store.versions.setdefault(release.model, [])
            for known in versions:
                if (known.job_id, known.onnx_sha256) == (release.job_id, release.onnx_sha256):
                    return known
            version = Version.of(release, len(versions) + 1, self._store.now())
            versions.append(version)
            if (promotion := release.promotion(version.version, by=by)) is not None:
                self.move_alias(promotion)
            return version

    def get(self, model: str) -> Model:
        with self._store.lock:
            return _model(self._versions(model))

    def list(self, page: Page) -> Listing[Model]:
        with self._store.lock:
            models = [_model(versions) for versions in self._store.versions.values()]
            return paged(models, page, lambda model: model.name, after=page.after)

    def version(self, model: str, version: int) -> Version:
        with self._store.lock:
            versions = self._versions(model)
            if not 1 <= version <= len(versions):
                raise NotFound.of("version", f"{model}@{version}")
            return versions[version - 1]

    def versions(self, model: str, page: Page) -> Listing[Version]:
        with self._store.lock:
            return paged(self._versions(model), page, lambda version: version.version, after=page.after_number)

    def alias(self, model: str, alias: str) -> Alias:
        with self._store.lock:
            self._versions(model)
            if (model, alias) not in self._store.aliases:
                raise NotFound.of("alias", f"{model}@{alias}")
            return self._store.aliases[model, alias]

    def aliases(self, models: Sequence[str]) -> Mapping[str, Sequence[Alias]]:
        with self._store.lock:
            known = sorted(self._store.aliases.values(), key=lambda alias: alias.alias)
            return {model: [alias for alias in known if alias.model == model] for model in models}

    def move_alias(self, wish: Repoint) -> Alias:
        with self._store.lock:
            self.version(wish.model, wish.version)
            name = (wish.model, wish.alias)
            before = self._store.aliases.get(name)
            move = wish.move(before, self._store.now())
            if move is None:
                return self._store.aliases[name]
            self._store.moves.setdefault(name, []).append(move)
            self._store.aliases[name] = move.result
            return move.result

    def history(self, model: str, alias: str) -> Sequence[AliasMove]:
        with self._store.lock:
            self.alias(model, alias)
            return tuple(self._store.moves[model, alias])

    def _versions(self, model: str) -> Sequence[Version]:
        if model not in self._store.versions:
            raise NotFound.of("model", model)
        return self._store.versions[model]


def _model(versions: Sequence[Version]) -> Model:
    return Model(versions[0].model, versions[0].created_at, latest=len(versions))
