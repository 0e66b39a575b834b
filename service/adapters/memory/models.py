"""The registry in memory."""

# ruff: noqa: D102  # the methods are documented in service/domain/ports
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.adapters.memory.store import MemoryStore, paged
from service.domain.errors import NotFound
from service.domain.models import Alias, AliasMove, Model, Release, Repoint, Version, refuse_while_named
from service.domain.ports import Listing, Page


class MemoryModels:
    """The port Models."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def publish(self, release: Release, *, by: str | None = None) -> Version:
        with self._store.lock:
            if release.job_id is not None and release.job_id not in self._store.jobs:
                raise NotFound.of("job", release.job_id)
            now = self._store.now()
            model = self._store.models.setdefault(release.model, Model(release.model, now, latest=0))
            versions = self._store.versions.setdefault(release.model, [])
            for known in versions:
                if (known.job_id, known.onnx_sha256) == (release.job_id, release.onnx_sha256):
                    return known
            version = Version.of(release, model.latest + 1, now)
            self._store.models[release.model] = replace(model, latest=version.version)
            versions.append(version)
            if (promotion := release.promotion(version.version, by=by)) is not None:
                self.move_alias(promotion)
            return version

    def delete(self, model: str, version: int | None = None) -> None:
        with self._store.lock:
            self.get(model)
            if version is not None:
                self.version(model, version)
            refuse_while_named(model, version, self.aliases([model])[model])
            left = [each for each in self._versions(model) if version not in (None, each.version)]
            self._store.versions[model] = left

    def sealed(self, mark: str) -> Sequence[Version]:
        with self._store.lock:
            every = [version for versions in self._store.versions.values() for version in versions]
            return [version for version in every if version.seal and version.seal.startswith(mark)]

    def get(self, model: str) -> Model:
        with self._store.lock:
            if not self._store.versions.get(model):
                raise NotFound.of("model", model)
            return self._store.models[model]

    def list(self, page: Page) -> Listing[Model]:
        with self._store.lock:
            there = [self._store.models[name] for name, versions in self._store.versions.items() if versions]
            return paged(there, page, lambda model: model.name, after=page.after)

    def version(self, model: str, version: int) -> Version:
        with self._store.lock:
            for each in self._versions(model):
                if each.version == version:
                    return each
            raise NotFound.of("version", f"{model}@{version}")

    def versions(self, model: str, page: Page) -> Listing[Version]:
        with self._store.lock:
            return paged(self._versions(model), page, lambda version: version.version, after=page.after_number)

    def alias(self, model: str, alias: str) -> Alias:
        with self._store.lock:
            self.get(model)
            if (model, alias) not in self._store.aliases:
                raise NotFound.of("alias", f"{model}@{alias}")
            return self._store.aliases[model, alias]

    def aliases(self, models: Sequence[str]) -> Mapping[str, Sequence[Alias]]:
        with self._store.lock:
            known = sorted(self._store.aliases.values(), key=lambda alias: alias.alias)
            return {model: [alias for alias in known if alias.model == model] for model in models}

    def move_alias(self, wish: Repoint) -> Alias | None:
        with self._store.lock:
            self.get(wish.model)
            if wish.version is not None:
                self.version(wish.model, wish.version)
            name = (wish.model, wish.alias)
            before, moves = self._store.aliases.get(name), self._store.moves.setdefault(name, [])
            move = wish.move(before, self._store.now(), moves=len(moves))
            if move is None:
                return before
            moves.append(move)
            if move.result is None:
                del self._store.aliases[name]
            else:
                self._store.aliases[name] = move.result
            return move.result

    def history(self, model: str, alias: str) -> Sequence[AliasMove]:
        with self._store.lock:
            self.get(model)
            if not (moves := self._store.moves.get((model, alias))):
                raise NotFound.of("alias", f"{model}@{alias}")
            return tuple(moves)

    def _versions(self, model: str) -> Sequence[Version]:
        self.get(model)
        return self._store.versions[model]
