"""``connect``: a container that others own, on a network of its host or of the swarm.

Engines change nothing of a connection in place: a container is taken off the network and put on again, with what it
has now where the step leaves something out. A container whose place is as written is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from swarmnet.model.base import Flag
from swarmnet.model.compare import endpoint_changes
from swarmnet.model.endpoint import CONNECT_MAC_API, EndpointSpec
from swarmnet.model.ref import Ref
from swarmnet.model.version import ApiVersion, first_engine
from swarmnet.operations.container.checks import DEFAULT, UNJOINABLE, on_several_hosts, problems_of_endpoint
from swarmnet.operations.container.connections import (
    ConnectContainer,
    DisconnectContainer,
    ReconnectContainer,
    endpoint_of,
)
from swarmnet.operations.container.notation import Alias, Ipv4, Ipv6, Mac
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.notation import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState, Container, HostFacts


class ConnectOperation(Operation, EndpointSpec):
    """A container outside of services on a network; fields that are left out are not managed."""

    name_in_playbook: ClassVar[str] = "connect"
    summary: ClassVar[str] = (
        "A container that others own, on a network of the swarm or of its host; fields that are left out are not"
        " managed."
    )
    looks_at: ClassVar[frozenset[str]] = frozenset({"containers"})

    container: Annotated[str, Field(min_length=1)]
    """Name of a container that is there, running or not."""
    ipv4: Ipv4 | None = None
    ipv6: Ipv6 | None = None
    aliases: tuple[Alias, ...] | None = None
    mac: Mac | None = None
    options: Texts | None = None
    absent: Flag = False
    """True takes the container off the network."""

    @property
    def endpoint(self) -> EndpointSpec:
        """The wanted place on the network."""
        return EndpointSpec.model_validate({name: getattr(self, name) for name in EndpointSpec.model_fields})

    def faults(self) -> tuple[str, ...]:
        """Return what no engine does."""
        asked = [name for name in EndpointSpec.model_fields if name != "network" and getattr(self, name) is not None]
        if self.absent:
            named = ", ".join(asked)
            return (f"'absent: true' takes the container off the network: leave out {named}",) if asked else ()
        if self.network in UNJOINABLE:
            return (f"no container can join the network {self.network} after its start",)
        refused = [name for name in asked if name in ("ipv4", "ipv6", "aliases")]
        if self.network == DEFAULT and refused:
            return (f"network bridge takes no {', '.join(refused)}: use a network of your own",)
        return ()

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what makes the connection impossible on each host, or on all of them together."""
        found = [facts for host in context.hosts if (facts := context.state.facts(host.name)) is not None]
        there = [facts for facts in found if context.state.container(facts.host, self.container) is not None]
        return (
            *(text for facts in found for text in self._problems(context.state, facts)),
            *on_several_hosts((self.endpoint,), context.state, there),
        )

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return the containers that are interrupted."""
        return tuple(
            f"container {action.container} on {action.host} is off network {self.network} for a moment: its"
            " connections there break"
            for action in self.plan(context)
            if isinstance(action, ReconnectContainer)
        )

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what connects, connects again or disconnects the container on each host."""
        return tuple(
            action
            for host in context.hosts
            if (seen := context.state.container(host.name, self.container)) is not None
            for action in self._on(host.name, seen)
        )

    def _on(self, host: str, seen: Container) -> Iterator[Action]:
        ref, place = self._ref(host), endpoint_of(seen, self.network)
        if self.absent:
            if place is not None:
                why = "its step says 'absent: true'"
                yield DisconnectContainer(
                    object=ref, why=why, host=host, container=self.container, network=self.network
                )
        elif place is None:
            why = f"container {self.container} is not on network {self.network}"
            yield ConnectContainer(object=ref, why=why, host=host, container=self.container, spec=self.endpoint)
        elif changes := endpoint_changes(self.endpoint, place.seen_as(self.endpoint)):
            yield ReconnectContainer(
                object=ref,
                why="engines change no connection in place: the container leaves the network and joins it again",
                changes=changes,
                host=host,
                container=self.container,
                spec=self.endpoint,
            )

    def _ref(self, host: str) -> Ref:
        return Ref(kind="endpoint", name=f"{self.container} in {self.network}", host=host)

    def _problems(self, state: ClusterState, facts: HostFacts) -> Iterator[str]:
        seen, what = state.container(facts.host, self.container), f"container {self.container} on {facts.host}"
        if seen is None and not self.absent:
            yield f"{what} does not exist: start it first, or write the name that `docker ps --all` shows"
        elif seen is not None and seen.service is not None:
            yield f"{what} is a task of service {seen.service}: write the network in the step of the service"
        elif seen is not None and not self.absent:
            yield from problems_of_endpoint(self.endpoint, state, facts, seen)
            if self.mac is not None and facts.engine.api < ApiVersion.parse(CONNECT_MAC_API):
                yield (
                    f"mac of a connection needs an engine {first_engine(CONNECT_MAC_API)}; {facts.host} has"
                    f" {facts.engine.version}, which drops it: leave mac out"
                )
