"""``ingress`` and ``docker_gwbridge``: the two networks that engines make by themselves, made as wanted.

The ingress network carries the published ports of all services. It is replaced only while no service publishes through
it, and every node is waited for. The bridge ``docker_gwbridge`` is the tasks' way out of each node; engines make it as
they enter a swarm, so it is made before.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from swarmnet.model.base import Flag
from swarmnet.model.compare import network_changes
from swarmnet.model.merge import lay
from swarmnet.model.network import GATEWAY, NetworkSpec
from swarmnet.model.plan import Action, Risk
from swarmnet.model.ref import Ref
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.network.actions import CreateNetwork
from swarmnet.operations.network.checks import (
    problems_of_blocks,
    problems_of_bridge,
    problems_of_overlay,
    warnings_in_cluster,
)
from swarmnet.operations.network.drivers import BRIDGE_NAME, driver_problems
from swarmnet.operations.network.ingress import RemakeIngress, ingress_of, obstacle
from swarmnet.operations.network.operation import SubnetForm, replaces
from swarmnet.operations.network.restored import RemakeGateway
from swarmnet.operations.notation import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.network import Network
    from swarmnet.model.state import HostFacts

AS_ENGINES_DO = {
    BRIDGE_NAME: GATEWAY,
    "com.docker.network.bridge.enable_icc": "false",
    "com.docker.network.bridge.enable_ip_masquerade": "true",
}
"""Options with which engines make the bridge (libnetwork, setupBridgeNetwork of the sandbox's way out)."""


class _OwnNetwork(Operation):
    subnets: tuple[SubnetForm, ...] = ()
    """Its blocks; left out, those that it has, or the engine's choice."""
    mtu: Annotated[int, Field(ge=576, le=65535, strict=True)] | None = None
    """The underlay's MTU."""
    options: Texts = Field(default_factory=dict)
    """Options of the driver."""

    def faults(self) -> tuple[str, ...]:
        """Return what is wrong with blocks and options in any cluster."""
        written = self.spec.model_copy(update={"options": self.options})
        return (*problems_of_blocks(written), *driver_problems(written))

    @property
    @abstractmethod
    def spec(self) -> NetworkSpec:
        """The wanted network; what the step leaves out is not managed."""


class IngressOperation(_OwnNetwork):
    """The network that carries the published ports of all services; what is left out stays as it is."""

    name_in_playbook: ClassVar[str] = "ingress"
    summary: ClassVar[str] = "The routing mesh's own network, replaced only while no service publishes through it."

    encrypted: Flag | None = None
    """True encrypts the published ports' traffic between nodes."""

    @property
    def spec(self) -> NetworkSpec:
        """The wanted network; what the step leaves out is not managed."""
        return NetworkSpec(
            name="ingress",
            ingress=True,
            subnets=self.subnets,
            mtu=self.mtu,
            encrypted=self.encrypted,
            options=self.options,
        )

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what prevents it: no swarm, services that publish, engines of several versions, overlapping blocks."""
        if context.state.swarm is None:
            return ("the ingress network needs a swarm: put a 'swarm' step before",)
        wanted, seen = self._wanted(context)
        if seen is not None and not replaces(network_changes(wanted, seen.spec)):
            return ()
        found = obstacle(wanted, context.state)
        refused = () if found is None else (f"the ingress network cannot be replaced: {found}; {_BEFORE}",)
        return (*refused, *problems_of_overlay(wanted, context.state))

    def warnings(self, context: Context) -> tuple[str, ...]:
        """Return blocks that are too small for the nodes."""
        return tuple(warnings_in_cluster(self._wanted(context)[0], context))

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what replaces the network, or nothing if it is as wanted."""
        wanted, seen = self._wanted(context)
        changes = () if seen is None else network_changes(wanted, seen.spec)
        if seen is not None and not replaces(changes):
            return ()
        spec = wanted if seen is None else lay(seen.spec, wanted)
        spec = spec.model_copy(update={"labels": context.marked(spec.labels), "scope": None})
        why = "engines cannot change it: it is removed and created again, and every node is waited for"
        return (
            RemakeIngress(
                object=Ref(kind="network", name=spec.name),
                why=why,
                risk=Risk.DISRUPTIVE,
                changes=() if seen is None else network_changes(spec, seen.spec, exact=True),
                spec=spec,
            ),
        )

    def _wanted(self, context: Context) -> tuple[NetworkSpec, Network | None]:
        seen = ingress_of(context.state)
        spec = self.spec if seen is None else self.spec.model_copy(update={"name": seen.spec.name})
        return spec, seen


_BEFORE = "put the step before those services, or remove their 'ports' first"


class GatewayOperation(_OwnNetwork):
    """The bridge through which the tasks of each selected host reach the world, made before the host joins."""

    name_in_playbook: ClassVar[str] = "docker_gwbridge"
    summary: ClassVar[str] = "The bridge through which tasks leave each selected host, made before the host joins."

    @property
    def spec(self) -> NetworkSpec:
        """The wanted bridge, with the options that engines give it."""
        options = AS_ENGINES_DO | self.options
        return NetworkSpec(name=GATEWAY, driver="bridge", subnets=self.subnets, mtu=self.mtu, options=options)

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return hosts that are in the swarm with another bridge, and overlapping blocks."""
        return tuple(self._problems(context))

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what makes the bridge on each host where it is missing or another one."""
        return tuple(action for facts, seen in self._places(context) for action in self._make(facts, seen))

    def _problems(self, context: Context) -> Iterator[str]:
        for facts, seen in self._places(context):
            if seen is not None and not self._differs(seen):
                continue
            if facts.engine.membership.state is not SwarmStanding.INACTIVE:
                yield (
                    f"{facts.host} is in a swarm, and engines make {GATEWAY} as they join: put this step before the"
                    " 'swarm' step; a host that is a member must leave first"
                )
            else:
                yield from problems_of_bridge(self.spec, facts)

    def _places(self, context: Context) -> Iterator[tuple[HostFacts, Network | None]]:
        for host in context.hosts:
            facts = context.state.facts(host.name)
            if facts is not None:
                yield facts, context.state.local_network(host.name, GATEWAY)

    def _differs(self, seen: Network) -> bool:
        return replaces(network_changes(self.spec, seen.spec))

    def _make(self, facts: HostFacts, seen: Network | None) -> Iterator[Action]:
        target = Ref(kind="network", name=GATEWAY, host=facts.host)
        if seen is None:
            why = "the engine would make its own as it joins, with the next free block"
            yield CreateNetwork(object=target, why=why, host=facts.host, spec=self.spec)
        elif self._differs(seen):
            why = "an earlier swarm left another one, which nothing uses"
            spec = lay(seen.spec, self.spec)
            changes = network_changes(spec, seen.spec, exact=True)
            yield RemakeGateway(object=target, why=why, changes=changes, host=facts.host, spec=spec)
