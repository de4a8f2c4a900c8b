"""A simulated engine: facts, networks, containers and images of one host, and the swarm where it is a manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import EngineError, HostTimeoutError
from swarmnet.model.hosts import Role
from swarmnet.model.state import EngineFacts, SwarmMembership, SwarmStanding
from tests.simulator.containers import SimulatedContainers
from tests.simulator.contents import SimulatedConfigs, SimulatedSecrets
from tests.simulator.images import SimulatedImages
from tests.simulator.networks import SimulatedNetworks
from tests.simulator.plain import SimulatedPlain
from tests.simulator.rules import has_quorum
from tests.simulator.service_port import SimulatedServices, SimulatedTasks
from tests.simulator.store import find
from tests.simulator.swarm_port import SimulatedMembership, SimulatedNodes
from tests.simulator.volumes import SimulatedVolumes

if TYPE_CHECKING:
    from tests.simulator.machine import Machine
    from tests.simulator.world import World


class SimulatedDialogue:
    """A ``DialoguePort`` to a program that answers each line at once."""

    def __init__(self, engine: SimulatedEngine, container_id: str) -> None:
        self._engine = engine
        self._container_id = container_id
        self._printed: list[bytes] = []

    def say(self, line: bytes) -> None:
        self._printed += self._engine.answer(self._container_id, line).splitlines()

    def hear(self, timeout: float) -> bytes:
        if not self._printed:
            raise HostTimeoutError(self._engine.host, f"nothing was said within {timeout:g} s")
        return self._printed.pop(0)

    def close(self) -> None:
        self._printed.clear()


class SimulatedEngine(SimulatedMembership, SimulatedTasks, SimulatedContainers, SimulatedImages):
    """An ``EnginePort``."""

    def __init__(self, world: World, machine: Machine) -> None:
        super().__init__(world, machine)
        self.nodes = SimulatedNodes(world, machine)
        self.services = SimulatedServices(world, machine)
        self.configs = SimulatedConfigs(world, machine)
        self.secrets = SimulatedSecrets(world, machine)
        self.networks = SimulatedNetworks(world, machine)
        self.volumes = SimulatedVolumes(world, machine)
        self.plain = SimulatedPlain(world, machine)

    def facts(self) -> EngineFacts:
        with self._asked("facts"):
            machine = self._machine
            return EngineFacts(
                id=f"ENGINE:{machine.name}",
                version=machine.engine_version,
                api_version=machine.api_version,
                hostname=machine.own_name or machine.name,
                kernel="6.1.0",
                os="Debian GNU/Linux",
                architecture="x86_64",
                live_restore=machine.live_restore,
                rootless=machine.rootless,
                ahead=machine.ahead,
                firewall=machine.firewall if machine.knows(1, 49) else "",
                membership=self._membership(),
            )

    def _membership(self) -> SwarmMembership:
        machine, store = self._machine, self._machine.store
        if machine.locked:
            return SwarmMembership(state=SwarmStanding.LOCKED)
        if store is None or machine.membership is SwarmStanding.INACTIVE:
            return SwarmMembership()
        node = store.nodes.get(machine.node_id)
        if node is None:
            return SwarmMembership(state=SwarmStanding.ERROR, error="node was removed from the swarm")
        answers = node.spec.role is Role.MANAGER and has_quorum(store, self._world.machines)
        leaderless = node.spec.role is Role.MANAGER and not answers
        machine.restarted = machine.restarted and leaderless
        managers = [one for one in store.nodes.values() if one.spec.role is Role.MANAGER and one.in_raft]
        return SwarmMembership(
            state=SwarmStanding.PENDING if machine.restarted else SwarmStanding.ACTIVE,
            node_id=node.id,
            cluster_id=store.id if answers else "",
            address=node.address,
            is_manager=answers,
            managers=tuple(f"{other.address}:2377" for other in managers),
            members=tuple((other.id, f"{other.address}:2377") for other in managers),
            error="The swarm does not have a leader" if leaderless else "",
        )

    # Dialogues

    def dialogue(self, container_id: str) -> SimulatedDialogue:
        """Attach to one of ``machine.container_programs``."""
        with self._asked("dialogue", container_id):
            find(self.host, self._machine.containers, container_id, "container")
            return SimulatedDialogue(self, container_id)

    def answer(self, container_id: str, line: bytes) -> bytes:
        """Return what an attached program prints when it reads a line."""
        with self._asked("dialogue", container_id):
            program = self._machine.container_programs[self._machine.arguments[container_id][0]]
            code, printed, complaint = program(self._machine, self._machine.arguments[container_id], line)
            if code:
                said = complaint.decode().strip()
                raise EngineError(self.host, f"talk with container {container_id[:12]}: it ended: {said}")
            return printed

    def container_log(self, container_id: str) -> bytes:
        with self._asked("container_log", container_id):
            find(self.host, self._machine.containers, container_id, "container")
            return self._machine.logs.get(container_id, b"")[-65536:]
