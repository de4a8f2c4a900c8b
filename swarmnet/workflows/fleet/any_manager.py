"""All managers as one port: a request is sent to the next one when a manager is lost (``any_store``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from swarmnet.workflows.fleet.any_store import AnyStore, remove
from swarmnet.workflows.fleet.whole_list import whole_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.base import Labels, Secret
    from swarmnet.model.hosts import Role
    from swarmnet.model.log import LogEntry
    from swarmnet.model.network import Network, NetworkSpec
    from swarmnet.model.ports import SwarmPort
    from swarmnet.model.service import Service, ServiceSpec, Task
    from swarmnet.model.stores import ContentStore
    from swarmnet.model.swarm import (
        Config,
        ConfigSpec,
        NewSecret,
        Node,
        NodeSpec,
        Rotation,
        StoredSecret,
        Swarm,
        SwarmSpec,
    )
    from swarmnet.workflows.fleet.any_store import Asks

R = TypeVar("R")
S = TypeVar("S")


class AnyContentStore(AnyStore[R, S]):
    """A ``ContentStore`` on any manager."""

    def __init__(
        self,
        ports: Asks,
        of: Callable[[SwarmPort], ContentStore[R, S]],
        same: Callable[[R, S], str | None],
    ) -> None:
        super().__init__(ports, of, same)
        self._contents = of

    def update_labels(self, object_id: str, version: int, labels: Labels) -> None:
        """Replace the labels."""
        self._ports.ask(lambda manager: self._contents(manager).update_labels(object_id, version, labels))


class AnyServiceStore(AnyStore["Service", "ServiceSpec"]):
    """A ``ServiceStore`` on any manager."""

    def update(self, object_id: str, version: int, spec: ServiceSpec, *, whole: bool = False) -> None:
        """Change a service."""
        self._ports.ask(lambda manager: manager.services.update(object_id, version, spec, whole=whole))


class AnyNodeStore:
    """A ``NodeStore`` on any manager."""

    def __init__(self, ports: Asks) -> None:
        self._ports = ports

    def list(self) -> tuple[Node, ...]:
        """Return all nodes."""
        return self._ports.ask(lambda manager: manager.nodes.list())

    def update(self, object_id: str, version: int, spec: NodeSpec) -> None:
        """Change one node."""
        self._ports.ask(lambda manager: manager.nodes.update(object_id, version, spec))

    def remove(self, object_id: str, *, force: bool = False) -> None:
        """Remove a node from the list."""
        remove(self._ports, lambda manager: manager.nodes.remove(object_id, force=force))


class AnyManager:
    """A ``SwarmPort`` for any manager: each request goes to one that answers."""

    def __init__(self, ports: Asks) -> None:
        self._ports = ports
        self.nodes = AnyNodeStore(ports)
        self.services = AnyServiceStore(ports, lambda manager: manager.services, _service)
        self.configs = AnyContentStore(ports, lambda manager: manager.configs, _config)
        self.secrets = AnyContentStore(ports, lambda manager: manager.secrets, _secret)
        self.networks = AnyStore(
            ports, lambda manager: manager.networks, _network, lambda manager: whole_list(manager, ports.stopwatch)
        )

    @property
    def host(self) -> str:
        """Return the name of the manager that answers now."""
        return self._ports.ask(lambda manager: manager.host)

    def swarm(self) -> Swarm:
        """Return the swarm."""
        return self._ports.ask(lambda manager: manager.swarm())

    def join_token(self, role: Role) -> Secret:
        """Return the token with which a node joins in that role."""
        return self._ports.ask(lambda manager: manager.join_token(role))

    def unlock_key(self) -> Secret | None:
        """Return the key that unlocks managers."""
        return self._ports.ask(lambda manager: manager.unlock_key())

    def update_swarm(self, version: int, spec: SwarmSpec, *, whole: bool = False) -> None:
        """Change the swarm's settings."""
        self._ports.ask(lambda manager: manager.update_swarm(version, spec, whole=whole))

    def rotate(self, what: Rotation) -> None:
        """Replace tokens, CA or unlock key; once more where the answer was lost."""
        self._ports.ask(lambda manager: manager.rotate(what))

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        """Return tasks."""
        return self._ports.ask(lambda manager: manager.tasks(service=service, network=network))

    def service_log(self, service: str, *, tail: int | None = None, since: str | None = None) -> tuple[LogEntry, ...]:
        """Return what the tasks of a service printed."""
        return self._ports.ask(lambda manager: manager.service_log(service, tail=tail, since=since))


# Whether an object is what a request created whose answer was lost: its id where it is.


def _service(seen: Service, wanted: ServiceSpec) -> str | None:
    return seen.id if seen.spec.name == wanted.name else None


def _config(seen: Config, wanted: ConfigSpec) -> str | None:
    spec = seen.spec
    return seen.id if (spec.name, spec.data, spec.labels) == (wanted.name, wanted.data, wanted.labels) else None


def _secret(seen: StoredSecret, wanted: NewSecret) -> str | None:
    return seen.id if seen.spec.name == wanted.spec.name else None


def _network(seen: Network, wanted: NetworkSpec) -> str | None:
    return seen.id if seen.spec.name == wanted.name else None
