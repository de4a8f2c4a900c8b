"""Configs and secrets of a simulated swarm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, EngineError
from swarmnet.model.swarm import Config, ConfigSpec, SecretSpec, StoredSecret
from tests.simulator.store import FileRecord, check_version, find
from tests.simulator.swarm_port import SwarmSide

if TYPE_CHECKING:
    from swarmnet.model.base import Labels
    from swarmnet.model.swarm import NewSecret

LIMITS = {"config": 1000 * 1024, "secret": 500 * 1024}


class SimulatedContents(SwarmSide, ABC):
    """What configs and secrets have in common."""

    word = ""

    @abstractmethod
    def _files(self) -> dict[str, FileRecord]: ...

    def _check(self, size: int) -> None:
        if not 0 < size < LIMITS[self.word]:
            message = f"{self.word} data must be larger than 0 and less than {LIMITS[self.word]} bytes"
            raise EngineError(self.host, message, status=400)

    def _keep(self, spec: ConfigSpec | SecretSpec) -> str:
        files = self._files()
        if any(record.spec.name.lower() == spec.name.lower() for record in files.values()):
            raise ConflictError(self.host, f"{self.word} {spec.name} already exists", status=409)
        file_id = self._world.ids.swarm()
        files[file_id] = FileRecord(file_id, spec, self._store().write())
        return file_id

    def update_labels(self, object_id: str, version: int, labels: Labels) -> None:
        with self._asked(f"{self.word}.update", object_id):
            record = find(self.host, self._files(), object_id, "file")
            check_version(self.host, record.version, version)
            record.spec = record.spec.model_copy(update={"labels": dict(labels)})
            record.version = self._store().write()

    def remove(self, object_id: str) -> None:
        with self._asked(f"{self.word}.remove", object_id):
            name = find(self.host, self._files(), object_id, self.word).spec.name
            for service in self._store().services.values():
                if any(reference.source == name for reference in getattr(service.spec, f"{self.word}s") or ()):
                    message = f"{self.word} '{name}' is in use by the following service: {service.spec.name}"
                    raise ConflictError(self.host, message, status=400)
            del self._files()[object_id]


class SimulatedConfigs(SimulatedContents):
    word = "config"

    def _files(self) -> dict[str, FileRecord]:
        return self._store().configs

    def list(self) -> tuple[Config, ...]:
        with self._asked("configs"):
            return tuple(
                Config(id=record.id, version=record.version, spec=record.spec)
                for record in self._files().values()
                if isinstance(record.spec, ConfigSpec)
            )

    def create(self, spec: ConfigSpec) -> str:
        with self._asked("config.create", spec.name):
            self._check(len(spec.data))
            return self._keep(spec)


class SimulatedSecrets(SimulatedContents):
    word = "secret"

    def _files(self) -> dict[str, FileRecord]:
        return self._store().secrets

    def list(self) -> tuple[StoredSecret, ...]:
        with self._asked("secrets"):
            return tuple(
                StoredSecret(id=record.id, version=record.version, spec=record.spec)
                for record in self._files().values()
                if isinstance(record.spec, SecretSpec)
            )

    def create(self, spec: NewSecret) -> str:
        with self._asked("secret.create", spec.spec.name):
            self._check(len(spec.data.reveal()))
            return self._keep(spec.spec)
