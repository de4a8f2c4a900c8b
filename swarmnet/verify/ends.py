"""The containers that expectations are about: where each runs, how it is reached, and which of them are asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from swarmnet.model.expectation import Party, PartyKind
from swarmnet.model.halted import LASTING, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.expectation import Arrow, Expectations
    from swarmnet.model.service import Task
    from swarmnet.model.state import ClusterState, Container, HostFacts

HOST_NETWORK = "host"
"""The network of tasks that have the host's own namespace."""
NO_BOXES: Mapping[str, Container] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class End:
    """One container of a party."""

    party: str
    """The service, or ``HOST/CONTAINER``."""
    host: str
    """Empty where its node is not in the inventory."""
    name: str
    """What people call it: ``web.2``; unique on its host."""
    container: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Network to its IPv4 address there; the host's own address where it has the host's namespace."""
    asks: bool = False
    """Whether questions are asked from inside its network namespace."""
    problem: str | None = None
    """Why none can be asked there; None where they can."""
    watches: bool = False
    """Whether the datagrams that arrive inside its network namespace are counted."""
    halted: str = ""
    """What its engine calls it where its program does not run, though managers say so: paused, for one."""
    is_machine: bool = False
    """Whether it is a machine: a host, asked by its observer, or the operator's, whose ``host`` is empty."""

    def __str__(self) -> str:
        """Return it with its host."""
        if self.is_machine:
            return self.name
        return f"{self.name} on {self.host or 'a node that is not in the inventory'}"


def joining(arrow: Arrow, networks: Iterable[str]) -> str:
    """Return what gives both ends of an arrow a network in common; ``networks`` are those of its target."""
    known = sorted({*networks} - {HOST_NETWORK})
    if arrow.source.kind is not PartyKind.SERVICE or not known:
        return f"attach {arrow.source} and {arrow.target} to one network"
    command = f"docker service update --network-add {known[0]} {arrow.source}"
    return f"attach {arrow.source} to a network of {arrow.target}: {command}"


def machine(host: str) -> End:
    """Return a host, or without a name the operator's machine, as one that asks."""
    return End(host, host, host or "your machine", asks=True, is_machine=True)


def parties_of(expected: Expectations) -> tuple[Party, ...]:
    """Return the services and containers that are asked, or asked for, each once."""
    ends = [end for arrow in (*expected.arrows, *expected.rest()) for end in (arrow.source, arrow.target)]
    ends += [*expected.sealed, *(Party(kind=PartyKind.SERVICE, name=name) for name in expected.checks)]
    return tuple(dict.fromkeys(one for one in ends if one.has_tasks))


def ends_of(
    state: ClusterState, expected: Expectations, containers: Mapping[str, tuple[Container, ...]]
) -> tuple[End, ...]:
    """Return every running container of the parties; one of each party and host is asked.

    Args:
        state: the cluster, with its tasks.
        expected: what names the parties.
        containers: of the hosts that ``read_at`` names.
    """
    found: list[End] = []
    asking: set[tuple[str, str]] = set()
    watched = _watched(expected)
    boxes = {box.id: box for several in containers.values() for box in several}
    for party in parties_of(expected):
        is_plain = party.kind is PartyKind.CONTAINER
        several = _plain(party, containers) if is_plain else tasks_of(state, party.name, boxes)
        for end in several:
            asks = bool(end.host and end.container) and (end.party, end.host) not in asking
            asking |= {(end.party, end.host)} if asks else set()
            watches = bool(end.host and end.container) and party in watched
            found.append(replace(end, asks=asks, watches=watches))
    return tuple(found)


def read_at(state: ClusterState, expected: Expectations) -> frozenset[str]:
    """Return the hosts whose own lists of containers are needed for the addresses of the parties.

    No manager knows those of containers outside of services, nor a task's on a network of macvlan or ipvlan.
    """
    parties = parties_of(expected)
    tasks = [pair for one in parties if one.kind is PartyKind.SERVICE for pair in _running(state, one.name)]
    far = {facts.host for task, facts in tasks if facts is not None and _unlisted(task)}
    return frozenset(far | {one.host for one in parties if one.host})


def has_names(state: ClusterState, network: str) -> bool:
    """Return whether containers find each other by name on a network, across hosts."""
    found = state.network(network)
    return found is None or not found.spec.is_by_host


def _watched(expected: Expectations) -> frozenset[Party]:
    """Return the parties that datagrams are sent to which none of their programs may answer."""
    found = {
        arrow.target: expected.checks.get(str(arrow.target))
        for arrow in expected.arrows
        if arrow.target.has_tasks and any(door.protocol == "udp" for door in arrow.doors)
    }
    return frozenset(party for party, check in found.items() if check is None or check.dns is None)


def _plain(party: Party, containers: Mapping[str, tuple[Container, ...]]) -> Iterator[End]:
    for box in containers.get(party.host, ()):
        if box.name == party.name and box.running:
            addresses = {one.network: one.address for one in box.endpoints if one.address and ":" not in one.address}
            halted = box.condition if box.condition in LASTING else ""
            yield End(str(party), party.host, box.name, box.id, addresses, halted=halted)


def tasks_of(state: ClusterState, name: str, boxes: Mapping[str, Container] = NO_BOXES) -> Iterator[End]:
    """Yield the running tasks of a service; none of them asks yet.

    ``boxes`` are containers by id, for the addresses that no manager knows.
    """
    mesh = {net.spec.name for net in state.networks if net.spec.ingress}
    for task, facts in _running(state, name):
        own = facts.engine.membership.address if facts is not None else ""
        host = facts.host if facts is not None else ""
        container, found = task.container_id or "", _addresses(task, own, mesh)
        if box := boxes.get(container):
            unlisted = _unlisted(task)
            found |= {one.network: one.address for one in box.endpoints if one.network in unlisted and one.address}
        yield End(name, host, task.called(name), container, found, halted=word_of(facts, container))


def _running(state: ClusterState, name: str) -> Iterator[tuple[Task, HostFacts | None]]:
    """Yield the running tasks of a service, each with its host; None where its node is not in the inventory."""
    service = state.service(name)
    hosts = {node.id: facts for facts in state.hosts if (node := state.node_of(facts.host)) is not None}
    for task in state.tasks if service is not None else ():
        if service is not None and task.service_id == service.id and task.runs:
            yield task, hosts.get(task.node_id or "")


def _unlisted(task: Task) -> frozenset[str]:
    """Return the networks on which the task's host alone knows its address."""
    return frozenset(name for name, addresses in task.networks.items() if not addresses and name != HOST_NETWORK)


def _addresses(task: Task, own: str, mesh: set[str]) -> dict[str, str]:
    """Return the task's IPv4 addresses on the user's networks; one on none of them has its host's."""
    found = {
        name: address.partition("/")[0]
        for name, addresses in task.networks.items()
        for address in addresses[:1]
        if ":" not in address and name not in mesh
    }
    return found or ({HOST_NETWORK: own} if HOST_NETWORK in task.networks and own else {})
