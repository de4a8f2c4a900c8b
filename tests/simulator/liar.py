"""A host of the simulated world that lies: about itself, and about a cluster that it does not answer for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from swarmnet.model.service import Service, ServiceSpec
from swarmnet.model.swarm import Config, ConfigSpec, Swarm
from tests.simulator.engine import SimulatedEngine
from tests.simulator.world import SimulatedPorts

if TYPE_CHECKING:
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.state import EngineFacts
    from swarmnet.model.swarm import Node
    from tests.simulator.machine import Machine
    from tests.simulator.world import World

T = TypeVar("T")
EVIL = ServiceSpec(name="payments", image="evil:1", extra={"TaskTemplate": {"ContainerSpec": {"Mounts": [{}]}}})


@dataclass
class Lies:
    """What the host says, one after the other, over and over: answers to ``facts``, and the nodes that it lists."""

    facts: list[EngineFacts] = field(default_factory=list)
    nodes: tuple[Node, ...] | None = None
    swarm: str | None = None
    said: int = 0


@dataclass
class Invented(Generic[T]):
    """A list that a host makes up; what is written goes to the real store."""

    honest: Any
    listed: tuple[T, ...]

    def list(self) -> tuple[T, ...]:
        return self.listed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the honest one has
        return getattr(self.honest, name)


class Liar(SimulatedEngine):
    """An engine that answers as it likes; what is written to it goes to the real one."""

    def __init__(self, world: World, machine: Machine, lies: Lies) -> None:
        super().__init__(world, machine)
        self._lies = lies
        if lies.nodes is not None:
            page = Config(id="evil", version=1, spec=ConfigSpec(name="page", data=b"evil"))
            self.nodes: Any = Invented(self.nodes, lies.nodes)
            self.services: Any = Invented(self.services, (Service(id="evil", version=1, spec=EVIL),))
            self.configs: Any = Invented(self.configs, (page,))

    def facts(self) -> EngineFacts:
        honest = super().facts()
        if not self._lies.facts:
            return honest
        self._lies.said += 1
        return self._lies.facts[self._lies.said % len(self._lies.facts)]

    def swarm(self) -> Swarm:
        if self._lies.swarm is None:
            return super().swarm()
        store = next(machine.store for machine in self._world.machines.values() if machine.store is not None)
        return Swarm(id=self._lies.swarm, version=1, spec=store.spec)


class PortsWithLiar(SimulatedPorts):
    """The ports of one run in a world of which one host lies."""

    def __init__(self, world: World, inventory: Inventory, host: str, lies: Lies) -> None:
        super().__init__(world, inventory, lambda _event: None)
        self._liar, self._lies = host, lies

    def engine(self, host: str) -> SimulatedEngine:
        honest = super().engine(host)
        return Liar(self.world, self.world.machines[host], self._lies) if host == self._liar else honest
