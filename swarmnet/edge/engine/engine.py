"""The real engine of one host: implements ``EnginePort`` with docker-py over streams that SSH opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.edge.engine.calls import Request
from swarmnet.edge.engine.containers import EngineContainers
from swarmnet.edge.engine.contents import ConfigStore, Contents, SecretStore
from swarmnet.edge.engine.dialogue import EngineDialogues
from swarmnet.edge.engine.images import EngineImages
from swarmnet.edge.engine.networks import NetworkStore
from swarmnet.edge.engine.nodes import NodeStore
from swarmnet.edge.engine.plain import PlainContainers
from swarmnet.edge.engine.services import ServiceStore
from swarmnet.edge.engine.swarm import EngineSwarm
from swarmnet.edge.engine.volumes import VolumeStore
from swarmnet.edge.engine.wire.engine import facts_from_wire, networks_of
from swarmnet.edge.engine.wire.parts import as_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.edge.engine.client import StreamLike
    from swarmnet.model.clock import Clock
    from swarmnet.model.log import LogEntry
    from swarmnet.model.network import Network
    from swarmnet.model.service import Task
    from swarmnet.model.state import EngineFacts


class Engine(EngineSwarm, EngineContainers, EngineImages, EngineDialogues):
    """One engine, ``Engine(host, open_stream, clock)``; connects at the first request. Threads may share it.

    Raises:
        EngineError: and its kinds, for what the engine refuses.
        UnreachableError: the stream broke.
        HostTimeoutError: the engine did not answer in time.
    """

    def __init__(self, host: str, open_stream: Callable[[], StreamLike], clock: Clock) -> None:
        super().__init__(host, open_stream, clock)
        self.nodes = NodeStore(self)
        self.networks = NetworkStore(self, clock)
        self.configs = ConfigStore(self)
        self.secrets = SecretStore(self)
        self.volumes = VolumeStore(self)
        self.plain = PlainContainers(self)
        self.services = ServiceStore(self, self.networks, Contents(self.configs, self.secrets))

    def tasks(self, *, service: str | None = None, network: str | None = None) -> tuple[Task, ...]:
        """Return tasks, all or of one service; see :meth:`ServiceStore.tasks`."""
        return self.services.tasks(service=service, network=network)

    def service_log(self, service: str, *, tail: int | None = None, since: str | None = None) -> tuple[LogEntry, ...]:
        """Return what the tasks of a service printed; see :meth:`ServiceStore.log`."""
        return self.services.log(service, tail=tail, since=since)

    def facts(self) -> EngineFacts:
        """Return what the engine reports about itself and its swarm membership."""
        before = self._clock.now()
        seen = as_object(self.send(Request("look at the engine", "GET", "/info")))
        middle = before + (self._clock.now() - before) / 2
        return facts_from_wire(seen, self._client().api_version, asked_at=middle)

    def data_path(self, networks: Iterable[Network]) -> str | None:
        """Return the address between which the engine sends VXLAN; needs a container of its own on an overlay."""
        running = self.objects(Request("list running containers", "GET", "/containers/json"))
        used = {one for entry in running for one in networks_of(entry)}
        return self.networks.data_path(net for net in networks if net.id in used)

    def close(self) -> None:
        """Close the connections to the engine; the next request opens new ones."""
        self._api.close()
