"""The ingress network of a backup that differs from the one that ``swarm init`` creates.

Engines cannot change it: it is removed and created again, while no service publishes through it (they refuse that, moby
FailedPrecondition) and all nodes run the same engine version (else the removal may not reach all of them, as the docker
command itself warns). Seen on 26.1: the name is free some tenths of a second after the removal is accepted. Workers
do not hear of the new network by themselves (not within a minute; moby#40184 advises to restart their engines), but do
within a second when their entry in the list of nodes changes. An unchanged entry that is written again mostly does,
too; an agent that failed the first time, because it was still at work on the old network, needs a real change.
"""

from __future__ import annotations

import ipaddress
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from swarmnet.errors import EngineError, HostError
from swarmnet.model.clock import wait_until
from swarmnet.model.compare import INIT_ONLY, network_changes
from swarmnet.model.find import by_id
from swarmnet.model.network import Network, NetworkSpec, Subnet
from swarmnet.model.plan import Action, Rank, Risk, unmarked
from swarmnet.model.ports import progress
from swarmnet.model.ref import Ref
from swarmnet.model.service import PublishMode
from swarmnet.operations.kind import Context, Operation
from swarmnet.operations.network.actions import make_network
from swarmnet.operations.network.detach import RELEASE_LIMIT
from swarmnet.operations.network.operation import replaces
from swarmnet.operations.service.converge import again_when_changed
from swarmnet.operations.state_edits import with_network

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports, SwarmPort
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import SwarmSpec


TOUCHED = "io.swarmnet.touched"
"""A label that nodes have for a moment, so that their entry changes."""


class RemakeIngress(Action):
    """Remove the ingress network and create it again, before all other networks."""

    kind: Literal["network.remake-ingress"] = "network.remake-ingress"
    spec: NetworkSpec

    stage: ClassVar[Rank] = Rank.SWARM

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state with the network as written."""
        others = tuple(net for net in state.networks if not net.spec.ingress)
        return with_network(state.model_copy(update={"networks": others}), Network(id="", spec=self.spec), None)

    def run(self, ports: Ports) -> None:
        """Remove the present one, create the new one, and wait until every node that answers has it."""
        manager = ports.manager()
        what, tell = "the old ingress network to go", progress(ports)
        wait_until(ports.clock, lambda: _cleared(manager), what=what, timeout=RELEASE_LIMIT, tell=tell)
        make_network(ports, self.spec, None)
        made = next((net.id for net in manager.networks.list() if net.spec.ingress), "")

        def look() -> tuple[bool | None, str]:
            lacking = [host.name for host in ports.inventory.members if not _has(ports, host.name, made)]
            # At each look: a node that heard of it before it had an address there does not retry by itself.
            for host in lacking:
                again_when_changed(partial(_touch, manager, ports.engine(host).facts().membership.node_id))
            return (None if lacking else True), f"not on {', '.join(lacking)}"

        what = "the ingress network to reach every node"
        try:
            wait_until(ports.clock, look, what=what, timeout=RELEASE_LIMIT, every=0.5, tell=tell)
        finally:
            for node in manager.nodes.list():
                if TOUCHED in node.spec.labels:
                    again_when_changed(partial(_touch, manager, node.id))


class RestoredIngress(Operation):
    """The ingress network as a backup has it."""

    name_in_playbook: ClassVar[str] = "restored_ingress"
    summary: ClassVar[str] = "The ingress network as a backup has it."

    spec: NetworkSpec

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return what replaces it, or nothing if it is as in the backup."""
        seen = ingress_of(context.state)
        differs = () if seen is None else network_changes(self.spec, seen.spec)
        if seen is not None and not replaces(differs):
            return ()
        spec = self.spec.model_copy(update={"labels": context.marked(self.spec.labels)})
        why = "the backup has another one than 'swarm init' creates: it is removed and created again"
        changes = () if seen is None else network_changes(spec, seen.spec, exact=True)
        return (
            RemakeIngress(
                object=Ref(kind="network", name=spec.name), why=why, risk=Risk.DISRUPTIVE, changes=changes, spec=spec
            ),
        )

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return what prevents it; a restore asks :func:`obstacle` before it adds this step."""
        found = obstacle(self.spec, context.state)
        return () if found is None else (f"the ingress network cannot be replaced: {found}",)


def ingress_of(state: ClusterState) -> Network | None:
    """Return the swarm's ingress network, or None if it was removed or there is no swarm yet."""
    return next((net for net in state.networks if net.spec.ingress), None)


def customised(network: Network, swarm: SwarmSpec) -> bool:
    """Return whether an ingress network differs from what ``swarm init`` creates in the first block of the pool."""
    plain = NetworkSpec(name="ingress", ingress=True, subnets=_first_block(swarm) if network.spec.subnets else ())
    seen = network.spec.model_copy(update={"labels": unmarked(network.spec.labels)})
    return network_changes(seen, plain, exact=True) != ()


def obstacle(spec: NetworkSpec, state: ClusterState) -> str | None:
    """Return why an ingress network cannot be replaced safely now, or None if it can or need not be."""
    seen = ingress_of(state)
    if seen is not None and not replaces(network_changes(spec, seen.spec)):
        return None
    users = [
        service.spec.name
        for service in state.services
        if any(port.mode is PublishMode.INGRESS for port in service.spec.ports or ())
    ]
    if users:
        return f"services publish through it: {', '.join(users)}"
    versions = sorted({facts.engine.version for facts in state.hosts})
    if len(versions) > 1:
        return f"the engines are of different versions ({', '.join(versions)}), and not all would notice the change"
    return None


def _first_block(swarm: SwarmSpec) -> tuple[Subnet, ...]:
    """Return the first block that the allocator gives away; none where the pool has no block of that size."""
    pool = ipaddress.ip_network((swarm.default_addr_pool or ("10.0.0.0/8",))[0])
    own_size = int(str(INIT_ONLY["subnet_size"]))
    size = (swarm.subnet_size or own_size) if swarm.default_addr_pool else own_size  # ignored without a pool
    if not pool.prefixlen <= size < pool.max_prefixlen:
        return ()
    block = ipaddress.ip_network(f"{pool.network_address}/{size}")
    return (Subnet(subnet=str(block), gateway=str(block[1])),)


def _cleared(manager: SwarmPort) -> tuple[bool | None, str]:
    """Ask for the removal until it is done: a new swarm may not know its own ingress network yet."""
    seen = next((net for net in manager.networks.list() if net.spec.ingress), None)
    if seen is None:
        return True, "gone"
    try:
        manager.networks.remove(seen.id)
    except EngineError as error:
        return None, str(error)
    return None, "its removal was accepted"


def _touch(manager: SwarmPort, node_id: str) -> None:
    """Set a label on a node, or remove it: an agent reads its networks again only if its entry differs."""
    node = by_id(manager.nodes.list(), node_id)
    if node is None:
        return
    labels = {name: value for name, value in node.spec.labels.items() if name != TOUCHED}
    if TOUCHED not in node.spec.labels:
        labels[TOUCHED] = "1"
    manager.nodes.update(node.id, node.version, node.spec.model_copy(update={"labels": labels}))


def _has(ports: Ports, host: str, network_id: str) -> bool:
    """Return whether a node has the network. One that does not answer counts: it gets the network when it is back."""
    try:
        return any(net.id == network_id for net in ports.engine(host).networks.list())
    except HostError:
        return True
