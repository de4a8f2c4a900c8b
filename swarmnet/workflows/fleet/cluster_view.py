"""The managers' view of the cluster: the lists of one of them, confirmed by a second one.

Only hosts that the inventory calls managers are asked, whatever others say of themselves: a worker that claims to
answer for the cluster would otherwise decide what is planned, and what a backup holds.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import HostError, NotAManagerError
from swarmnet.model.border import border
from swarmnet.model.events import HostFailed
from swarmnet.model.network import Scope
from swarmnet.model.state import ClusterState
from swarmnet.workflows.fleet.whole_list import whole_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from concurrent.futures import Future

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.state import HostFacts
    from swarmnet.model.swarm import Node

CLUSTER_READS = 6
"""Lists that one manager is asked for at the same time."""
CONFIRM_LIMIT = 5.0
"""Seconds of real time for a second manager's answer, counted from the first one's last list: it is asked meanwhile,
and for less. One that is silent for so long confirms nothing, and contradicts nothing."""
ASKED_AGAIN, PAUSE = 3, 1.0
"""Times that two managers who differ are asked again, and seconds before each: a node may join between two reads."""


Member = tuple[str, str, str, str]
"""Id, hostname, address and role of a node."""


@dataclass(frozen=True, slots=True)
class Account:
    """What one manager reports about the swarm and its members."""

    host: str
    swarm: str
    nodes: frozenset[Member]

    def agrees_with(self, other: Account) -> bool:
        """Return whether both report the same swarm with the same members."""
        return (self.swarm, self.nodes) == (other.swarm, other.nodes)


@dataclass(slots=True)
class Picture:
    """The cluster, and what became of the managers that were asked."""

    state: ClusterState = field(default_factory=ClusterState)
    failed: dict[str, HostError] = field(default_factory=dict)
    """Managers that stopped answering."""
    leaderless: dict[str, NotAManagerError] = field(default_factory=dict)
    """Managers that are well, and whose leader was lost since they reported their facts."""
    doubted: dict[str, str] = field(default_factory=dict)
    """Managers that contradict each other: host name to how, in words that follow the name."""


def picture(ports: Ports, seen: Mapping[str, HostFacts], *, believed: str | None = None) -> Picture:
    """Return the cluster as the first manager that can answer reports it, unless a second one contradicts it.

    Nothing is taken from managers that contradict each other: there is no way to know which of them is right.

    Args:
        ports: the world.
        seen: the hosts that answered, by name.
        believed: the one manager to ask, without a second; None asks those of the inventory.
    """
    found = Picture()
    names = [name for name in _managers(ports, seen) if believed in (None, name)]
    while names:
        name, *names = names
        pool = ThreadPoolExecutor(1, "swarmnet-confirm")
        second = pool.submit(_first_account, ports, tuple(names))
        try:
            with border(name, "look at the cluster"):
                state = listed(ports.engine(name), ports.clock)
        except NotAManagerError as error:
            found.leaderless[name] = error
        except HostError as error:
            found.failed[name] = error
            ports.listener(HostFailed(name, error.message, error))
        else:
            found.leaderless.clear()
            found.doubted = _doubts(ports, state, name, _in_time(second))
            found.state = ClusterState() if found.doubted else state
            return found
        finally:
            # A thread that hangs is left; closing the session ends it.
            pool.shutdown(wait=False)
    return found


def _managers(ports: Ports, seen: Mapping[str, HostFacts]) -> list[str]:
    """Return the managers that answer for a swarm, in the inventory's order, of the swarm that most of them are in."""
    clusters = {
        host.name: seen[host.name].engine.membership.cluster_id
        for host in ports.inventory.managers
        if host.name in seen and seen[host.name].engine.membership.is_manager
    }
    counts = Counter(clusters.values())
    most = max(counts, key=lambda cluster: counts[cluster], default="")  # of several, the first one's
    return [name for name, cluster in clusters.items() if cluster == most]


def listed(manager: SwarmPort, clock: Clock) -> ClusterState:
    """Return what a manager reports about the cluster, its networks read again: the hosts' own lists may be cut."""
    swarm = manager.swarm()
    with ThreadPoolExecutor(CLUSTER_READS, "swarmnet-observe") as pool:
        networks = pool.submit(whole_list, manager, clock)
        nodes = pool.submit(manager.nodes.list)
        services = pool.submit(manager.services.list)
        tasks = pool.submit(manager.tasks)
        configs = pool.submit(manager.configs.list)
        secrets = pool.submit(manager.secrets.list)
    return ClusterState(
        swarm=swarm,
        nodes=nodes.result(),
        networks=tuple(net for net in networks.result() if net.spec.effective_scope is Scope.SWARM),
        services=services.result(),
        tasks=tasks.result(),
        configs=configs.result(),
        secrets=secrets.result(),
    )


def _first_account(ports: Ports, hosts: Iterable[str]) -> Account | None:
    """Return what the first of these managers says that can."""
    for host in hosts:
        with suppress(HostError):
            return _account_of(ports, host)
    return None


def _account_of(ports: Ports, host: str) -> Account:
    with border(host, "look at the cluster"):
        engine = ports.engine(host)
        return Account(host, engine.swarm().id, _members(engine.nodes.list()))


def _members(nodes: Iterable[Node]) -> frozenset[Member]:
    return frozenset((node.id, node.hostname, node.address, str(node.spec.role)) for node in nodes)


def _in_time(second: Future[Account | None]) -> Account | None:
    try:
        return second.result(CONFIRM_LIMIT)
    except TimeoutError:
        return None


def _doubts(ports: Ports, state: ClusterState, host: str, second: Account | None) -> dict[str, str]:
    """Return how two managers contradict each other, also when they are asked again; empty when they agree."""
    if second is None or state.swarm is None:
        return {}
    first = Account(host, state.swarm.id, _members(state.nodes))
    for _again in range(ASKED_AGAIN):
        if first.agrees_with(second):
            return {}
        ports.clock.sleep(PAUSE)
        try:
            first, second = _account_of(ports, first.host), _account_of(ports, second.host)
        except HostError:  # one of them is gone: what it said before counts no more
            return {}
    if first.agrees_with(second):
        return {}
    return {first.host: _differs(first, second), second.host: _differs(second, first)}


def _differs(one: Account, other: Account) -> str:
    """Return what one manager says and another does not, in words that follow its name."""
    if one.swarm != other.swarm:
        return f"answers for swarm {one.swarm}, and {other.host} for {other.swarm}"
    mine = ", ".join(f"{name or node} ({node}, {role}) at {at}" for node, name, at, role in one.nodes - other.nodes)
    return f"lists {mine}, and {other.host} does not" if mine else f"lists less than {other.host}"
