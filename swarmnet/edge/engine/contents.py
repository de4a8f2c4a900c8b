"""Configs and secrets, as a manager answers for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from swarmnet.edge.engine.calls import EnginePart, Request, quoted
from swarmnet.edge.engine.wire.swarm import config_from_wire, config_to_wire, secret_from_wire, secret_to_wire

if TYPE_CHECKING:
    from swarmnet.model.base import Labels
    from swarmnet.model.swarm import Config, ConfigSpec, NewSecret, StoredSecret


class ConfigStore(EnginePart):
    """The configs of a swarm."""

    word: ClassVar[str] = "configs"

    def list(self) -> tuple[Config, ...]:
        """Return all configs, data included."""
        seen = self._calls.listed("configs")
        with self._calls.asking("list configs"):
            return tuple(config_from_wire(config) for config in seen)

    def create(self, spec: ConfigSpec) -> str:
        """Create a config and return its id."""
        return self._calls.made(Request(f"create config {spec.name}", "POST", "/configs/create", config_to_wire(spec)))

    def update_labels(self, object_id: str, version: int, labels: Labels) -> None:
        """Replace a config's labels."""
        self._calls.label("config", object_id, version, labels)

    def remove(self, object_id: str) -> None:
        """Remove a config that no service uses."""
        self._calls.send(Request(f"remove config {object_id}", "DELETE", f"/configs/{quoted(object_id)}"))


class SecretStore(EnginePart):
    """The secrets of a swarm."""

    word: ClassVar[str] = "secrets"

    def list(self) -> tuple[StoredSecret, ...]:
        """Return all secrets, without their data."""
        seen = self._calls.listed("secrets")
        with self._calls.asking("list secrets"):
            return tuple(secret_from_wire(secret) for secret in seen)

    def create(self, spec: NewSecret) -> str:
        """Create a secret and return its id."""
        body = secret_to_wire(spec.spec, spec.data)
        return self._calls.made(Request(f"create secret {spec.spec.name}", "POST", "/secrets/create", body))

    def update_labels(self, object_id: str, version: int, labels: Labels) -> None:
        """Replace a secret's labels."""
        self._calls.label("secret", object_id, version, labels)

    def remove(self, object_id: str) -> None:
        """Remove a secret that no service uses."""
        self._calls.send(Request(f"remove secret {object_id}", "DELETE", f"/secrets/{quoted(object_id)}"))


class Contents(NamedTuple):
    """What services refer to by name."""

    configs: ConfigStore
    secrets: SecretStore
