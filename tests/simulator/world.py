"""A cluster of hosts in memory that obeys the engine's rules, and the faults that can befall it.

world = World(managers=1, workers=2)
ports = world.ports()
world.bootstrap()          # or let the workflow under test do it
...
assert world.writes == []  # no write at all
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, RLock
from typing import TYPE_CHECKING

from swarmnet.edge.backups.archives import WatchedParts
from swarmnet.edge.operator.image_files import LocalImageFiles
from swarmnet.errors import (
    AuthenticationError,
    ConvergenceError,
    EngineError,
    EngineLostError,
    HostError,
    NoManagerError,
    NotAManagerError,
    UnreachableError,
    UsageError,
)
from swarmnet.model.events import ignore
from swarmnet.model.hosts import Availability, Host, Inventory, Role
from swarmnet.model.ports import Approach, JoinAddress
from swarmnet.model.state import Route, SwarmStanding
from swarmnet.model.swarm import SwarmSpec
from tests.simulator.clock import Identities, SimulatedClock
from tests.simulator.engine import SimulatedEngine
from tests.simulator.machine import Machine
from tests.simulator.rules import tick
from tests.simulator.shelf import Registries
from tests.simulator.shell import SimulatedShell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from swarmnet.model.base import JsonObject, Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Listener
    from swarmnet.model.image_port import ImageFiles
    from swarmnet.model.log import LogEntry
    from swarmnet.model.operator_files import Archives, SecretFiles
    from swarmnet.model.ports import InsidePort, Ports
    from swarmnet.model.sealed import Sink
    from tests.simulator.store import Store


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a host answered."""

    host: str
    verb: str
    """``network.create``, ``nodes``, ``shell`` ...: a read has no dot."""
    target: str = ""

    @property
    def is_write(self) -> bool:
        return "." in self.verb


@dataclass(frozen=True, slots=True)
class SlowList:
    """What happens to one list of a manager's networks."""

    seconds: float
    is_cut: bool = True
    """True: the leader died, and the swarm's networks are left out."""
    election: float = 0.0
    """Seconds more until another leader answers for the swarm."""


class World:
    """All hosts, the swarms they are in, and a record of what was asked of them."""

    archives: dict[str, bytes]
    folders: dict[bytes, tuple[Store, str]]
    """What managers' folders of state held when they were read, and whose they are."""

    def __init__(self, *, managers: int = 1, workers: int = 0, inventory: Inventory | None = None) -> None:
        self.clock = SimulatedClock()
        self.clock.on_tick = self.tick
        self.lock = RLock()
        self.ids = Identities()
        self.inventory = inventory or _inventory(managers, workers)
        self.machines: dict[str, Machine] = {}
        self.requests: list[Request] = []
        self.operator_files: dict[str, Secret] = {}
        """Files with secrets on the operator's machine."""
        self.archives, self.folders = {}, {}  # on the operator's machine, by path, unsealed
        self.operator_program: Callable[[JsonObject], JsonObject] = lambda _job: {}
        """What plain sockets of the operator's machine find."""
        self.inside: Callable[[Ports, str, str | None], AbstractContextManager[InsidePort]] = _not_inside
        """What starts a program on a network; ``tests.support.simulated_probe`` has one."""
        self.missing_images: set[str] = set()  # that no registry has: tasks with them are rejected, pulls fail
        self.registries = Registries()
        self.lost_answers: list[str] = []
        """Verbs whose next request is done, and whose answer never arrives."""
        self.meanwhile: dict[str, Callable[[Machine], None]] = {}
        """What happens on a host between its next request of a verb and the one before."""
        self.slow_lists: list[SlowList] = []
        """What befalls the next lists of networks that managers are asked for."""
        self.election = 0.0
        """Seconds that the next look at the swarm waits for a leader."""
        self.printed: list[LogEntry] = []
        """What tasks printed."""
        self.refusals: list[tuple[str, str]] = []
        """Verb, and how the target begins, of requests that an engine refuses, busy as it is: each once."""
        self.full: set[str] = set()
        """Hosts whose disk is full: no container is made there."""
        self.unattachable: set[str] = set()
        """Hosts whose engine hears nothing from the managers: it attaches no container to an overlay."""
        self.busy_until = 0.0
        """Time at which the leader's orchestrators come to what was asked of them; all else goes on before."""
        for host in self.inventory.hosts:
            self.add(host)

    def add(self, host: Host) -> Machine:
        """Put one more host into the world (not into the inventory)."""
        address = host.advertise or host.address
        subnet = address.rpartition(".")[0] + ".0/24"
        machine = Machine(host.name, address, self.ids, routes=(Route(prefix=subnet, device="eth0"),))
        self.machines[host.name] = machine
        return machine

    def ports(self, inventory: Inventory | None = None, listener: Listener = ignore) -> SimulatedPorts:
        """Return the ports of one run."""
        return SimulatedPorts(self, inventory or self.inventory, listener)

    def engine(self, host: str) -> SimulatedEngine:
        """Return a host's engine, to look at it or to act behind the workflow's back."""
        return SimulatedEngine(self, self.machines[host])

    def bootstrap(self, spec: SwarmSpec | None = None) -> Store:
        """Make a ready swarm of all hosts of the inventory and forget the requests that it took."""
        first, *others = [*self.inventory.managers, *(h for h in self.inventory.hosts if h.role is Role.WORKER)]
        engine = self.engine(first.name)
        engine.init_swarm(spec or SwarmSpec(), JoinAddress(self.machines[first.name].address))
        for host in others:
            token = engine.join_token(host.role or Role.WORKER)
            remote = f"{self.machines[first.name].address}:2377"
            self.engine(host.name).join_swarm(JoinAddress(self.machines[host.name].address), remote=remote, token=token)
        self.settle()
        self.requests.clear()
        return self.store(first.name)

    def store(self, host: str) -> Store:
        """Return the raft store of the swarm that a host is in."""
        store = self.machines[host].store
        assert store is not None, f"{host} is in no swarm"
        return store

    @property
    def is_busy(self) -> bool:
        """True while services that were changed stay as they were."""
        return self.clock.monotonic() < self.busy_until

    @property
    def writes(self) -> list[Request]:
        """The requests that changed something, or tried to."""
        return [request for request in self.requests if request.is_write]

    def tick(self) -> None:
        """Let every swarm's managers do what is due."""
        with self.lock:
            for store in self._stores():
                tick(store, self.machines, self.missing_images, orchestrates=not self.is_busy)

    def settle(self) -> None:
        """Tick until even replaced tasks run."""
        for _ in range(12):
            self.tick()

    def _stores(self) -> list[Store]:
        return list({id(m.store): m.store for m in self.machines.values() if m.store is not None}.values())

    # Faults

    def kill(self, host: str) -> None:
        """Cut a host's power."""
        self.machines[host].powered = False

    def revive(self, host: str) -> None:
        """Give a host its power back; an autolocked manager comes up locked."""
        machine = self.machines[host]
        machine.powered, machine.vanish_in = True, None
        self._lock_restarted(machine)

    def _lock_restarted(self, machine: Machine) -> None:
        machine.restarted = True
        if machine.store is not None:
            machine.membership = SwarmStanding.ACTIVE
        if self._is_manager(machine) and machine.store is not None and machine.store.spec.autolock:
            machine.locked = True

    def vanish_after(self, host: str, requests: int) -> None:
        """Cut a host's power after that many more requests."""
        self.machines[host].vanish_in = requests

    def stop_engine(self, host: str) -> None:
        """Stop a host's engine; its shell still answers."""
        self.machines[host].engine_running = False

    def start_engine(self, host: str) -> None:
        """Start a host's engine; an autolocked manager comes up locked."""
        self.machines[host].engine_running = True
        self._lock_restarted(self.machines[host])

    @contextmanager
    def frozen(self, host: str) -> Iterator[None]:
        """Let requests to a host hang in the block, and end at its end because it has no power."""
        machine, thawed = self.machines[host], Event()
        machine.frozen = thawed
        try:
            yield
        finally:
            self.kill(host)
            thawed.set()

    def wipe(self, host: str) -> None:
        """Replace a host by a fresh one of the same name and address."""
        old = self.machines[host]
        self.machines[host] = Machine(host, old.address, self.ids, routes=old.routes)

    # What engines and shells ask of the world

    @contextmanager
    def answering(self, machine: Machine, verb: str, target: str = "") -> Iterator[None]:
        """Answer one request under the world's lock, if the host can."""
        if machine.frozen is not None:
            machine.frozen.wait()
        with self.lock:
            self._spend(machine)
            if verb != "shell" and not machine.engine_running:
                raise EngineError(machine.name, "cannot connect to the engine at /var/run/docker.sock")
            self.requests.append(Request(machine.name, verb, target))
            if event := self.meanwhile.pop(verb, None):
                event(machine)
            self._refuse(machine, verb, target)
            yield
            if verb in self.lost_answers:
                self.lost_answers.remove(verb)
                raise EngineLostError(machine.name, f"the connection to the engine broke: {verb}")

    def _refuse(self, machine: Machine, verb: str, target: str) -> None:
        due = next((one for one in self.refusals if verb == one[0] and target.startswith(one[1])), None)
        if due is not None:
            self.refusals.remove(due)
            raise EngineError(machine.name, f"{verb} {target}: context deadline exceeded", status=500)

    def _spend(self, machine: Machine) -> None:
        if machine.vanish_in is not None:
            machine.powered = machine.powered and machine.vanish_in > 0
            machine.vanish_in -= 1
        if not machine.powered:
            raise UnreachableError(machine.name, "no route to host")

    def machine_at(self, address: str) -> Machine | None:
        """Return the host with that address."""
        return next((machine for machine in self.machines.values() if machine.address == address), None)

    def _is_manager(self, machine: Machine) -> bool:
        if machine.store is None or machine.membership is SwarmStanding.INACTIVE:
            return False
        return machine.store.nodes[machine.node_id].spec.role is Role.MANAGER


@dataclass
class SimulatedSecretFiles:
    """A ``SecretFiles`` in memory."""

    files: dict[str, Secret]

    def read(self, path: str) -> Secret | None:
        return self.files.get(path)

    def write(self, path: str, secret: Secret) -> None:
        if self.files.setdefault(path, secret) != secret:
            raise UsageError(f"{path} holds something else; it is not overwritten")


@dataclass
class SimulatedArchives:
    """An ``Archives`` in memory, unsealed."""

    files: dict[str, bytes]

    def write(self, path: str, produce: Callable[[Sink], object]) -> None:
        if path in self.files:
            raise UsageError(f"{path} exists; no archive is overwritten")
        parts: list[bytes] = []
        produce(parts.append)
        self.files[path] = b"".join(parts)

    @contextmanager
    def unsealed(self, path: str) -> Iterator[WatchedParts]:
        yield WatchedParts(iter((self.files[path],)))


class SimulatedPorts:
    """The ``Ports`` of one run."""

    def __init__(self, world: World, inventory: Inventory, listener: Listener) -> None:
        self.world = world
        self.inventory = inventory
        self.clock: Clock = world.clock
        self.listener = listener
        self.secret_files: SecretFiles = SimulatedSecretFiles(world.operator_files)
        self.archives: Archives = SimulatedArchives(world.archives)
        self.image_files: ImageFiles = LocalImageFiles()
        self.closed = False
        self._swarm = ""

    def engine(self, host: str) -> SimulatedEngine:
        """Return the engine of a host that has power."""
        self._reach(host)
        return self.world.engine(host)

    def shell(self, host: str) -> SimulatedShell:
        """Return the shell of a host that has power."""
        self._reach(host)
        return SimulatedShell(self.world, self.world.machines[host])

    def manager(self) -> SimulatedEngine:
        """Return the first manager of the inventory that answers for its cluster."""
        said = []
        for host in self.inventory.managers:
            try:
                engine = self.engine(host.name)
                self._check_swarm(host.name, engine.swarm().id)
            except HostError as error:
                said.append(str(error))
            else:
                return engine
        raise NoManagerError(self.inventory.cluster, "; ".join(said))

    def _check_swarm(self, host: str, swarm: str) -> None:
        self._swarm = self._swarm or swarm
        if swarm != self._swarm:
            raise NotAManagerError(host, f"it answers for another swarm, {swarm}, than {self._swarm}")

    def approach(self, host: str) -> Approach:
        """Return the host's address, directly reached."""
        return Approach(self.inventory.host(host).address, 22, peer=self.world.machines[host].address)

    def opens(self, host: str, port: int) -> bool | None:
        """Return None: no simulated host is behind a jump host."""
        del host, port
        return None

    def ask_from_here(self, job: JsonObject) -> JsonObject:
        """Do what ``world.operator_program`` does with a job of the probe's; by default nothing answers."""
        return self.world.operator_program(job)

    def inside(self, network: str, *, image: str | None = None) -> AbstractContextManager[InsidePort]:
        """Start what ``world.inside`` starts on a network."""
        return self.world.inside(self, network, image)

    def close(self) -> None:
        """Remember that the run closed its connections."""
        self.closed = True

    def _reach(self, name: str) -> None:
        host = self.inventory.host(name)
        machine = self.world.machines[host.name]
        if not machine.powered:
            raise UnreachableError(name, "no route to host")
        if not machine.admits:
            place = f"root@{machine.address}:22"
            said = f"{place}: no key accepted"
            raise AuthenticationError(name, said, hint="set ssh.key in the inventory", brief="no key accepted")


def _not_inside(_ports: Ports, network: str, _image: str | None) -> AbstractContextManager[InsidePort]:
    raise ConvergenceError(f"no probe starts on network {network}: simulated hosts have none")


def _inventory(managers: int, workers: int) -> Inventory:
    roles = [(f"m{n}", Role.MANAGER) for n in range(1, managers + 1)]
    roles += [(f"w{n}", Role.WORKER) for n in range(1, workers + 1)]
    hosts = tuple(
        Host(name=name, address=f"192.168.50.{10 + n}", role=role, availability=Availability.ACTIVE)
        for n, (name, role) in enumerate(roles, start=1)
    )
    return Inventory(cluster="sim", hosts=hosts, source="sim.yml")
