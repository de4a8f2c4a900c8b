"""The actions that create networks. Each waits until the network is allocated, and removes one that never is."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import ConflictError, ConvergenceError, EngineError, NotFoundError, RefusedError, SwarmnetError
from swarmnet.model.blocks import overlapping
from swarmnet.model.clock import wait_until
from swarmnet.model.compare import VNI_OPTION, network_changes, numbered
from swarmnet.model.find import by_id, by_name
from swarmnet.model.network import Network, NetworkSpec, Scope
from swarmnet.model.plan import Action, Permit, Rank, Sign
from swarmnet.model.plural import count
from swarmnet.model.ports import progress
from swarmnet.operations.network.checks import asked_vnis
from swarmnet.operations.network.detach import RELEASE_LIMIT, attach, detach, reattached
from swarmnet.operations.state_edits import with_network

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.state import ClusterState

_IN_THE_WAY = re.compile(r"conflicts with network ([0-9a-f]{64})")
"""What engines 20.10 to 28.5 say of bridges with overlapping subnets."""
ALLOCATION_LIMIT = 30.0
"""Seconds for the allocator, which needs milliseconds, and retries a failed network only after five minutes."""


class CreateNetwork(Action):
    """Create a network on one host, or in the swarm."""

    kind: Literal["network.create"] = "network.create"
    host: str | None = None
    """None for networks of the swarm."""
    spec: NetworkSpec

    sign: ClassVar[Sign] = Sign.CREATE
    stage: ClassVar[Rank] = Rank.NETWORK

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the network as written; what the engine will choose is not known."""
        return with_network(state, Network(id="", spec=self.spec), self.host)

    def run(self, ports: Ports) -> None:
        """Create it, and wait until it is allocated."""
        make_network(ports, self.spec, self.host)


class CreateConfiguration(CreateNetwork):
    """Create a configuration network, before the networks that take their configuration from it."""

    stage: ClassVar[Rank] = Rank.CONFIGURATION


class RemakeNetwork(Action):
    """Remove a network that was never allocated, and create it again."""

    kind: Literal["network.remake"] = "network.remake"
    host: str | None = None
    spec: NetworkSpec

    stage: ClassVar[Rank] = Rank.NETWORK

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the network as written."""
        return with_network(state, Network(id="", spec=self.spec), self.host)

    def run(self, ports: Ports) -> None:
        """Remove it and create it again, unless it was allocated meanwhile and is as written.

        Raises:
            ConvergenceError: it was allocated meanwhile and differs from what is written.
        """
        seen = by_name(_engine(ports, self.host).networks.list(), self.spec.name)
        if seen is not None and seen.allocated:
            # A run that was killed between its request and the allocator's answer leaves just this.
            if network_changes(self.spec, numbered(self.spec, seen)):
                raise ConvergenceError(f"{self.target} was allocated meanwhile", hint="plan again")
            return
        remake_network(ports, self.spec, self.host)


class ReplaceNetwork(Action):
    """Replace a network: detach its services, remove it, create it, and attach the services again unchanged."""

    kind: Literal["network.replace"] = "network.replace"
    host: str | None = None
    spec: NetworkSpec
    before: NetworkSpec
    """What is created again if the new one fails."""
    services: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    """Containers outside of services that use the network. It is not replaced while there are any."""

    stage: ClassVar[Rank] = Rank.NETWORK

    @property
    def permit(self) -> Permit:
        """Return ``REPLACE``, since all users of the network are interrupted."""
        return Permit.REPLACE

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Return the containers that must go before; no flag allows it while there are any."""
        return self.containers

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the network as written."""
        return reattached(with_network(state, Network(id="", spec=self.spec), self.host), self.spec.name)

    def run(self, ports: Ports) -> None:
        """Replace the network.

        Raises:
            RefusedError: containers outside of services use it. The message names them, and nothing is changed.
            ConvergenceError: the new network could not be created. The old one is back, and so are its services.
        """
        self._refuse_containers(ports)
        if self.host is not None:
            _remove(ports, self.spec.name, self.host)
            self._make(ports)
            return
        try:
            detach(ports, self.spec.name)
            _remove(ports, self.spec.name, None)
            self._make(ports)
        finally:
            attach(ports, self.spec.name)

    def _make(self, ports: Ports) -> None:
        try:
            make_network(ports, _as_wanted(self.spec), self.host)
        except SwarmnetError as error:
            make_network(ports, _as_wanted(self.before), self.host)
            raise ConvergenceError(f"{error}; the network is back as it was", hint=error.hint) from error

    def _refuse_containers(self, ports: Ports) -> None:
        hosts = [self.host] if self.host else [host.name for host in ports.inventory.hosts]
        found = [
            f"{one.name} on {host}"
            for host in hosts
            for one in ports.engine(host).containers()
            if one.service is None and any(end.network == self.spec.name for end in one.endpoints)
        ]
        if found:
            raise RefusedError(
                f"network {self.spec.name} is used by containers outside of services: {', '.join(found)}",
                hint="remove these containers or disconnect them (docker network disconnect), then apply again",
            )


def remake_network(ports: Ports, spec: NetworkSpec, host: str | None) -> None:
    """Remove the network of that name, wait until it is gone, and create it. Raises what ``make_network`` raises."""
    _remove(ports, spec.name, host)
    make_network(ports, spec, host)


def make_network(ports: Ports, spec: NetworkSpec, host: str | None) -> None:
    """Create a network and wait until it is allocated; if it never is, remove it and say why.

    Raises:
        EngineError: the engine refused it.
        ConvergenceError: the engine accepted it (201) and could not allocate it (swarmkit#2398).
    """
    engine = _engine(ports, host)
    network_id = _create_when_free(ports, engine, spec)
    if spec.effective_scope is Scope.LOCAL or spec.config_only:
        return

    def look() -> tuple[Network | None, str]:
        net = by_id(engine.networks.list(), network_id)
        return (net if net is not None and net.allocated else None), "gone" if net is None else "not allocated"

    try:
        wait_until(
            ports.clock,
            look,
            what=f"network {spec.name} to be allocated",
            timeout=ALLOCATION_LIMIT,
            tell=progress(ports),
        )
    except ConvergenceError as error:
        reason, hint = _reason(engine, spec)
        engine.networks.remove(network_id)
        raise ConvergenceError(f"network {spec.name} cannot be allocated: {reason}; removed", hint=hint) from error


def _create_when_free(ports: Ports, engine: SwarmPort, spec: NetworkSpec) -> str:
    """Create the network once its name is free, and return its id.

    A manager whose tasks still hold a network that is gone refuses another one of its name (seen on 20.10, 26.1 and
    28.5) and does not list it (:attr:`Network.is_copy`).
    """

    def look() -> tuple[str | None, str]:
        try:
            return _create(engine, spec), "made"
        except ConflictError:
            if any(net.spec.name.lower() == spec.name.lower() and not net.is_copy for net in engine.networks.list()):
                raise
            return None, "tasks that are ending hold a removed network of that name"

    what, tell = f"the name {spec.name} to be free", progress(ports)
    return wait_until(ports.clock, look, what=what, timeout=RELEASE_LIMIT, every=0.2, tell=tell)


def _create(engine: SwarmPort, spec: NetworkSpec) -> str:
    """Create the network and return its id.

    A request that fails half-way (a full disk; seen on 26.1.5) leaves the bridge in the engine's memory only. The
    engine then refuses each later network with these addresses until it is restarted.
    """
    try:
        return engine.networks.create(spec)
    except EngineError as error:
        met = _IN_THE_WAY.search(error.message)
        if met is None or any(net.id == met[1] for net in engine.networks.list()):
            raise
        raise EngineError(
            engine.host,
            f"create network {spec.name}: the engine holds network {met[1][:12]}, left by a request that failed, with"
            " the same addresses; no list shows it",
            hint=f"restart Docker on {engine.host} (systemctl restart docker), then apply again",
        ) from error


def _reason(engine: SwarmPort, spec: NetworkSpec) -> tuple[str, str]:
    """Return why a network is not allocated and what to do. The engine only logs it: search the others."""
    for other in engine.networks.list():
        if other.spec.name == spec.name or other.spec.effective_scope is Scope.LOCAL:
            continue
        if shared := asked_vnis(spec) & set(other.vnis):
            which = ", ".join(map(str, sorted(shared)))
            return (
                f"VXLAN identifier {which} belongs to network {other.spec.name}",
                f"write another one in {VNI_OPTION}",
            )
        for block in spec.subnets:
            if met := overlapping(block.subnet, (one.subnet for one in other.spec.subnets)):
                return f"{block.subnet} overlaps {met} of network {other.spec.name}", "write another subnet"
    if spec.subnets:
        return "only the engine's log says why", "read the log of the engine on the leader"
    taken = sum(
        ipaddress.ip_network(one.subnet).num_addresses for net in engine.networks.list() for one in net.spec.subnets
    )
    return (
        f"no block of the swarm's address pool is free ({count(taken, 'address is', 'addresses are')} taken)",
        "remove unused networks, or write 'subnets:' outside of the pool",
    )


def _remove(ports: Ports, name: str, host: str | None) -> None:
    """Remove a network and wait until its name is free: tasks that are ending hold it for a while (moby#31068)."""
    engine = _engine(ports, host)

    def look() -> tuple[bool | None, str]:
        seen = by_name(engine.networks.list(), name)
        if seen is None:
            return True, "gone"
        try:
            engine.networks.remove(seen.id)
        except ConflictError as error:
            return None, str(error)
        except NotFoundError:
            return True, "gone"
        return None, "its removal was accepted"

    wait_until(ports.clock, look, what=f"network {name} to be gone", timeout=RELEASE_LIMIT, tell=progress(ports))


def _engine(ports: Ports, host: str | None) -> SwarmPort:
    return ports.manager() if host is None else ports.engine(host)


def _as_wanted(seen: NetworkSpec) -> NetworkSpec:
    """Return an observed spec as it can be sent: the allocator adds its part again."""
    return seen.model_copy(update={"scope": None if seen.driver == "overlay" else seen.scope})
