"""All managers as one port: a request is sent to the next one when a manager is lost.

Reads are simply repeated. An update names the version that it was made for, so a repeated one changes nothing twice. A
creation or removal whose answer was lost may have happened: the repeated one then finds the name taken by its own
doing, or the object gone, and that is success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from swarmnet.errors import ConflictError, HostTimeoutError, NotAManagerError, NotFoundError, UnreachableError
from swarmnet.workflows.fleet.whole_list import whole_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import Labels, Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.hosts import Role
    from swarmnet.model.network import Network, NetworkSpec
    from swarmnet.model.ports import SwarmPort
    from swarmnet.model.service import Service, ServiceSpec, Task
    from swarmnet.model.swarm import Config, ConfigSpec, Node, NodeSpec, SecretSpec, StoredSecret, Swarm, SwarmSpec

T = TypeVar("T")


class Asks(Protocol):
    """Finds a manager for a question, and another one when it was lost."""

    stopwatch: Clock
    """Tells how long an answer took, also while no manager answers."""

    def ask(self, question: Callable[[SwarmPort], T]) -> T:
        """Return the answer of a manager; may ask several times."""


class AnyManager:
    """A ``SwarmPort`` for any manager: each request goes to one that answers."""

    def __init__(self, ports: Asks) -> None:
        self._ports = ports

    @property
    def host(self) -> str:
        """Return the name of the manager that answers now."""
        return self._ports.ask(lambda manager: manager.host)

    # The cluster

    def swarm(self) -> Swarm:
        """Return the swarm."""
        return self._ports.ask(lambda manager: manager.swarm())

    def join_token(self, role: Role) -> Secret:
        """Return the token with which a node joins in that role."""
        return self._ports.ask(lambda manager: manager.join_token(role))

    def unlock_key(self) -> Secret | None:
        """Return the key that unlocks managers."""
        return self._ports.ask(lambda manager: manager.unlock_key())

    def update_swarm(self, version: int, spec: SwarmSpec) -> None:
        """Change the swarm's settings."""
        self._ports.ask(lambda manager: manager.update_swarm(version, spec))

    def nodes(self) -> tuple[Node, ...]:
        """Return all nodes."""
        return self._ports.ask(lambda manager: manager.nodes())

    def update_node(self, node_id: str, version: int, spec: NodeSpec) -> None:
        """Change one node."""
        self._ports.ask(lambda manager: manager.update_node(node_id, version, spec))

    def remove_node(self, node_id: str, *, force: bool = False) -> None:
        """Remove a node from the list."""
        self._remove(lambda manager: manager.remove_node(node_id, force=force))

    def services(self) -> tuple[Service, ...]:
        """Return all services."""
        return self._ports.ask(lambda manager: manager.services())

    def create_service(self, spec: ServiceSpec) -> str:
        """Create a service and return its id."""

        def find(manager: SwarmPort) -> str | None:
            return next((one.id for one in manager.services() if one.spec.name == spec.name), None)

        return self._create(lambda manager: manager.create_service(spec), find)

    def update_service(self, service_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        """Change a service."""
        self._ports.ask(lambda manager: manager.update_service(service_id, version, spec, whole=whole))

    def remove_service(self, service_id: str) -> None:
        """Remove a service."""
        self._remove(lambda manager: manager.remove_service(service_id))

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        """Return tasks."""
        return self._ports.ask(lambda manager: manager.tasks(service=service, network=network))

    def configs(self) -> tuple[Config, ...]:
        """Return all configs."""
        return self._ports.ask(lambda manager: manager.configs())

    def create_config(self, spec: ConfigSpec) -> str:
        """Create a config and return its id."""

        def find(manager: SwarmPort) -> str | None:
            same = (one for one in manager.configs() if one.spec.name == spec.name and one.spec.data == spec.data)
            return next((one.id for one in same if one.spec.labels == spec.labels), None)

        return self._create(lambda manager: manager.create_config(spec), find)

    def update_config_labels(self, config_id: str, version: int, labels: Labels) -> None:
        """Replace a config's labels."""
        self._ports.ask(lambda manager: manager.update_config_labels(config_id, version, labels))

    def remove_config(self, config_id: str) -> None:
        """Remove a config."""
        self._remove(lambda manager: manager.remove_config(config_id))

    def secrets(self) -> tuple[StoredSecret, ...]:
        """Return all secrets, without their data."""
        return self._ports.ask(lambda manager: manager.secrets())

    def create_secret(self, spec: SecretSpec, data: Secret) -> str:
        """Create a secret and return its id."""

        def find(manager: SwarmPort) -> str | None:
            return next((one.id for one in manager.secrets() if one.spec.name == spec.name), None)

        return self._create(lambda manager: manager.create_secret(spec, data), find)

    def update_secret_labels(self, secret_id: str, version: int, labels: Labels) -> None:
        """Replace a secret's labels."""
        self._ports.ask(lambda manager: manager.update_secret_labels(secret_id, version, labels))

    def remove_secret(self, secret_id: str) -> None:
        """Remove a secret."""
        self._remove(lambda manager: manager.remove_secret(secret_id))

    # Networks

    def networks(self) -> tuple[Network, ...]:
        """Return a manager's list, the swarm's networks included."""
        return self._ports.ask(lambda manager: whole_list(manager, self._ports.stopwatch))

    def create_network(self, spec: NetworkSpec) -> str:
        """Create a network and return its id."""

        def find(manager: SwarmPort) -> str | None:
            seen = whole_list(manager, self._ports.stopwatch)
            return next((one.id for one in seen if one.spec.name == spec.name), None)

        return self._create(lambda manager: manager.create_network(spec), find)

    def remove_network(self, network_id: str) -> None:
        """Remove a network."""
        self._remove(lambda manager: manager.remove_network(network_id))

    def _create(self, make: Callable[[SwarmPort], str], find: Callable[[SwarmPort], str | None]) -> str:
        """Create something; an object found after a lost answer is what that request created."""
        lost: list[Exception] = []

        def attempt(manager: SwarmPort) -> str:
            try:
                return make(manager)
            except ConflictError:
                found = find(manager) if lost else None
                if found is None:
                    raise
                return found
            except (NotAManagerError, UnreachableError, HostTimeoutError) as error:
                lost.append(error)
                raise

        return self._ports.ask(attempt)

    def _remove(self, remove: Callable[[SwarmPort], None]) -> None:
        """Remove something; an object missing after a lost answer was removed by that request."""
        lost: list[Exception] = []

        def attempt(manager: SwarmPort) -> None:
            try:
                remove(manager)
            except NotFoundError:
                if not lost:
                    raise
            except (NotAManagerError, UnreachableError, HostTimeoutError) as error:
                lost.append(error)
                raise

        self._ports.ask(attempt)
