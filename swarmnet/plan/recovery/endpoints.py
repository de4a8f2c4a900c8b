"""The places of containers on networks, put back where the container is there. Pure.

A backup holds what containers outside of services asked for: addresses, names, MAC addresses. It does not hold the
containers themselves, so those that are missing are named, and a later run of the same restore puts them back.

On a network of the swarm engines note the address that the managers chose as if it had been asked for. So a container
that is on such a network already keeps the address that it has, and an address that is taken is left to the managers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.endpoint import CONNECT_MAC_API, EndpointSpec
from swarmnet.model.fields import needed
from swarmnet.model.network import GATEWAY
from swarmnet.model.plan import Skip
from swarmnet.model.ref import Ref
from swarmnet.model.version import ApiVersion
from swarmnet.operations.container.checks import DEFAULT, UNJOINABLE, holder, in_swarm, network_of
from swarmnet.operations.container.connect import ConnectOperation
from swarmnet.operations.container.connections import endpoint_of
from swarmnet.operations.playbook import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState, Container, HostFacts
    from swarmnet.operations.kind import Context
    from swarmnet.plan.recovery.selection import Selection

_OWN = frozenset({DEFAULT, GATEWAY, *UNJOINABLE})


class RestoredEndpoint(ConnectOperation):
    """A container's place on a network as a backup has it; what prevents it is announced, and ends no restore."""

    def problems(self, _context: Context) -> tuple[str, ...]:
        """Return nothing: what cannot come back is announced."""
        return ()

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return what is not put back, what differs, and the containers that are interrupted."""
        return (*self._announced(context), *super().warnings(context))

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what puts the container back where nothing prevents it."""
        fitting = self._fitting(context)
        return () if ConnectOperation.problems(fitting, context) else ConnectOperation.plan(fitting, context)

    def _announced(self, context: Context) -> Iterator[str]:
        fitting = self._fitting(context)
        for problem in ConnectOperation.problems(fitting, context):
            yield f"container {self.container} does not come back to network {self.network}: {problem}"
        for name in EndpointSpec.model_fields:
            if getattr(self, name) is not None and getattr(fitting, name) is None and not self._is_there(context):
                yield (
                    f"container {self.container} comes back to network {self.network} without {name}"
                    f" {getattr(self, name)}: it is taken, or the engine cannot set it"
                )

    def _is_there(self, context: Context) -> bool:
        return any(
            (seen := context.state.container(host.name, self.container)) is not None
            and endpoint_of(seen, self.network) is not None
            for host in context.hosts
        )

    def _fitting(self, context: Context) -> RestoredEndpoint:
        """Return the step without what these hosts cannot give, or need not."""
        found = self
        for host in context.hosts:
            facts = context.state.facts(host.name)
            seen = context.state.container(host.name, self.container)
            if facts is not None and seen is not None:
                found = found.model_copy(update=dict.fromkeys(found._left_out(context.state, facts, seen)))
        return found

    def _left_out(self, state: ClusterState, facts: HostFacts, seen: Container) -> Iterator[str]:
        for field, since, _remedy in needed(self.endpoint):
            if facts.engine.api < ApiVersion.parse(CONNECT_MAC_API if field == "mac" else since):
                yield field
        network, place = network_of(state, facts, self.network), endpoint_of(seen, self.network)
        for field in ("ipv4", "ipv6"):
            address = getattr(self, field)
            if address is None or network is None or not in_swarm(network):
                continue
            if place is not None or holder(state, facts, network, address) is not None:
                yield field


def endpoint_steps(
    document: BackupDocument, state: ClusterState, hosts: Mapping[str, str], selection: Selection
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps that put containers back on their networks, and what to do about each that is missing."""
    steps: list[Step] = []
    missing: list[str] = []
    for host, box in _containers(document, hosts):
        places = [one for one in box.endpoints if one.network not in _OWN and selection.takes("network", one.network)]
        if not places or state.facts(host) is None:
            continue
        if state.container(host, box.name) is None:
            named = ", ".join(one.network for one in places)
            missing.append(
                f"container {box.name} does not exist on {host}: create it, and restore again to put it on {named}"
            )
            continue
        for place in places:
            fields = {name: getattr(place.spec, name) for name in EndpointSpec.model_fields}
            fields = {name: value for name, value in fields.items() if value not in (None, {})}
            operation = RestoredEndpoint.model_construct(container=box.name, **fields)
            steps.append(Step(operation=operation, on=(host,)))
    return tuple(steps), tuple(missing)


def absent_containers(document: BackupDocument, state: ClusterState, hosts: Mapping[str, str]) -> Iterator[Skip]:
    """Yield the containers that are not on the hosts that answer: a backup announces that it does not hold them."""
    for host, box in _containers(document, hosts):
        if state.facts(host) is not None and state.container(host, box.name) is None:
            why = "it is not part of a service, and no restore creates such containers"
            yield Skip(object=Ref(kind="container", name=box.name, host=host), why=why)


def _containers(document: BackupDocument, hosts: Mapping[str, str]) -> Iterator[tuple[str, Container]]:
    for facts in document.state.hosts:
        if facts.host in hosts:
            yield from ((hosts[facts.host], one) for one in facts.containers if one.service is None)
