"""Validation of a swarm on these hosts. Each check yields complete sentences."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import TYPE_CHECKING

from swarmnet.model.announced_losses import UNLOCK
from swarmnet.model.blocks import overlapping, overlaps, special
from swarmnet.model.compare import INIT_ONLY, swarm_changes
from swarmnet.model.hosts import Role
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.standing import strangers
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import LEAVE
from swarmnet.operations.addresses import advertise_of, data_path_of, few, own_routes
from swarmnet.operations.swarm.members import Members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.state import HostFacts
    from swarmnet.model.swarm import Node, SwarmSpec
    from swarmnet.operations.kind import Context

MOST_MANAGERS = 7
GOSSIP_PORT = 7946
FIRST_BLOCK = "10.0.0.0/24"
"""The ingress network's, when no pool is given."""
_AFTER_ERROR = (
    "engines try to join only when they start: once the cause (such as a boot without network) is gone, restart Docker:"
    " systemctl restart docker"
)
_AFTER_HALF_A_JOIN = (
    f"start the managers that it knows; if it was never in that swarm and someone tried to join it, undo that: {LEAVE}"
)


def problems_of_swarm(spec: SwarmSpec, context: Context, *, tolerated: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield what prevents the swarm; ``tolerated`` are routes that may overlap its address pool."""
    if not context.inventory.managers:
        yield "the inventory has no manager: give at least one host 'role: manager'"
        return
    foreign = [*_memberships(context)]
    yield from foreign
    if foreign:
        return
    members = Members.of(context)
    yield from _beginning(context, members)
    if members.beginning is not None:
        yield from _pools(spec, context, tolerated)
    yield from _settings(spec, context)
    yield from _joining(members, context)
    yield from problems_of_roles(members, context)


def faults_of_swarm(spec: SwarmSpec) -> Iterator[str]:
    """Yield settings that no engine accepts or can work with (moby daemon/cluster/swarm.go)."""
    if spec.data_path_port == GOSSIP_PORT:
        yield f"data_path_port {GOSSIP_PORT} is used for gossip between nodes: choose another, or leave it out for 4789"
    size = spec.subnet_size or int(str(INIT_ONLY["subnet_size"]))
    pools = spec.default_addr_pool or ()
    for pool in pools:
        block = ipaddress.ip_network(pool)
        if block.version != 4:  # noqa: PLR2004 - the version of IP
            yield f"address pool {pool} is IPv6: engines accept only IPv4 pools; write 'subnets' for networks with IPv6"
        elif block.prefixlen > size:
            yield f"address pool {pool} is smaller than one subnet of it, a /{size}: write a larger pool or subnet_size"
        elif (use := special(pool)) is not None:
            yield f"address pool {pool} is {use}: containers cannot have such addresses; choose a private one"
    for one, two in overlaps(pools):
        yield f"address pools {one} and {two} overlap each other"


def warnings_of_swarm(context: Context) -> Iterator[str]:
    """Yield what may cause trouble."""
    managers = len(context.inventory.managers)
    if managers and managers % 2 == 0:
        yield (
            f"{managers} managers survive the loss of {(managers - 1) // 2}, the same as {managers - 1} managers:"
            " use an odd number"
        )
    if managers > MOST_MANAGERS:
        yield f"{managers} managers make every write slow: Docker advises at most {MOST_MANAGERS}"
    for host in context.hosts:
        if context.state.facts(host.name) is None:
            yield f"{host.name} does not answer and is not changed"
    for name in strangers(context.state, context.inventory):
        yield f"node {name} of the swarm is not in the inventory and is not changed"
    with_data_path = [host.name for host in context.hosts if host.data_path is not None]
    if with_data_path and len(with_data_path) < len(context.hosts):
        yield f"only {', '.join(with_data_path)} have a data path of their own; VXLAN must route between all hosts"


def _memberships(context: Context) -> Iterator[str]:
    state, cluster = context.state, context.inventory.cluster
    mark = None if state.swarm is None else state.swarm.spec.labels.get(MANAGED_LABEL)
    if mark is not None and mark != cluster:
        inside = [host.name for host in context.inventory.hosts if state.node_of(host.name) is not None]
        yield (
            f"{', '.join(inside)} belong to another swarm: its label says cluster {mark!r},"
            f" the inventory says {cluster!r}"
        )
    first = context.inventory.managers[0].name
    if state.swarm is not None and mark is None and state.facts(first) and state.node_of(first) is None:
        inside = [host.name for host in context.inventory.hosts if state.node_of(host.name) is not None]
        yield (
            f"{', '.join(inside)} belong to a swarm without {first} and without the mark of cluster {cluster!r}:"
            " list one of its managers first, or use other hosts"
        )
    for host in context.hosts:
        facts = state.facts(host.name)
        if facts is not None and host.role is not None and state.node_of(host.name) is None:
            yield from _membership(host, facts, is_ours=state.swarm is not None)


def _membership(host: Host, facts: HostFacts, *, is_ours: bool) -> Iterator[str]:
    membership = facts.engine.membership
    if membership.state is SwarmStanding.ACTIVE:
        managers = ", ".join(membership.managers) or "not known"
        what = "belongs to another swarm" if is_ours else "belongs to a swarm that no host of the inventory answers for"
        yield f"{host.name} {what} (node {membership.node_id}, its managers: {managers}): use another host"
    elif membership.state is not SwarmStanding.INACTIVE:
        # Never advise a manager to leave: its disk may hold the last copy of the swarm.
        half = host.role is Role.WORKER and membership.state is SwarmStanding.PENDING
        locked = membership.state is SwarmStanding.LOCKED  # what the engine says there advises its own command
        advice = f"give it its key: {UNLOCK}" if locked else _AFTER_HALF_A_JOIN if half else _AFTER_ERROR
        said = f": {membership.error}" if membership.error and not locked else ""
        yield f"the swarm state of {host.name} is {membership.state}{said}; {advice}"


def _beginning(context: Context, members: Members) -> Iterator[str]:
    first = members.beginning
    if first is None:
        return
    if first not in context.hosts:
        yield f"there is no swarm yet, and the step does not select {first.name}, the manager that creates it"
    for host in context.inventory.managers:
        if context.state.facts(host.name) is None:
            yield f"{host.name} does not answer and may have the swarm: a new one is created only if all managers do"
    facts = context.state.facts(first.name)
    if facts is not None:
        yield from problems_of_entering(first, facts)


def _pools(spec: SwarmSpec, context: Context, tolerated: frozenset[str]) -> Iterator[str]:
    pools = spec.default_addr_pool or (FIRST_BLOCK,)
    met: dict[tuple[str, str], list[str]] = {}
    for facts in context.state.hosts:
        for route in own_routes(facts):
            pool = None if route.prefix in tolerated else overlapping(route.prefix, pools)
            if pool is not None:
                met.setdefault((pool, f"{route.prefix} on {route.device}"), []).append(facts.host)
    for (pool, route_text), hosts in met.items():
        yield (
            f"address pool {pool} overlaps {route_text} of {few(hosts)}:"
            " write a default_addr_pool that no host has a route to"
        )


def _settings(spec: SwarmSpec, context: Context) -> Iterator[str]:
    swarm = context.state.swarm
    if swarm is None:
        return
    for change in swarm_changes(spec, swarm.spec):
        if change.path in INIT_ONLY:
            yield (
                f"{change.path} is {change.before} and cannot become {change.after}: only swarm init can set it. Write"
                " the present value, or back up and restore onto a new swarm"
            )


def _joining(members: Members, context: Context) -> Iterator[str]:
    engines = Counter(facts.engine.id for facts in context.state.hosts if facts.engine.id)
    for host, facts in members.outside:
        yield from problems_of_entering(host, facts)
        if engines[facts.engine.id] > 1:
            yield (
                f"{host.name} is a copy of another host: both engines have the id {facts.engine.id};"
                " stop its engine, remove /var/lib/docker/engine-id and /var/lib/docker/swarm, start it again"
            )
    swarm = context.state.swarm
    if members.outside and swarm is not None and swarm.root_rotation:
        yield "the swarm's CA is being rotated: join hosts once that has ended"


def problems_of_entering(host: Host, facts: HostFacts) -> Iterator[str]:
    """Yield why the engine of a host cannot enter a swarm."""
    if facts.engine.live_restore:
        yield (
            f'{host.name} has live-restore on, with which engines refuse swarm mode: set "live-restore": false in'
            " /etc/docker/daemon.json and restart its engine"
        )
    if facts.engine.writes_nftables:
        yield (
            f"{host.name} has nftables as its engine's firewall backend, with which engines refuse swarm mode: set"
            ' "firewall-backend": "iptables" in /etc/docker/daemon.json and restart its engine'
        )
    for find in (advertise_of, data_path_of):
        try:
            find(host, facts)
        except ValueError as error:
            yield str(error)


def problems_of_roles(members: Members, context: Context) -> Iterator[str]:
    """Yield changes of roles that would endanger the quorum."""
    managers = [node for node in context.state.nodes if node.spec.role is Role.MANAGER]
    leaving = {node.id for nodes in members.dead.values() for node in nodes}
    staying = [node for node in managers if node.id not in leaving]
    lost = [node.name for node in staying if node.reachability == "unreachable"]
    adding = [host.name for host, _facts in members.outside if host.role is Role.MANAGER]
    adding += [host.name for host, node in members.inside if _becomes(host, node, Role.MANAGER)]
    if adding and lost:
        yield (
            f"manager {', '.join(lost)} is unreachable: adding {', '.join(adding)} now could lose the quorum:"
            " bring it back, or demote and remove it first"
        )
    demoted = [node for host, node in members.inside if _becomes(host, node, Role.WORKER)]
    demoted += [node for _host, _facts, node in members.leaving if node and node.spec.role is Role.MANAGER]
    remaining = len(staying) + len(adding) - len(demoted)
    reachable = remaining - len(lost) + sum(node.reachability == "unreachable" for node in demoted)
    if demoted and reachable <= remaining // 2:
        names = ", ".join(node.name for node in demoted)
        yield f"demoting {names} leaves {reachable} of {max(remaining, 0)} managers reachable: no quorum"


def _becomes(host: Host, node: Node, role: Role) -> bool:
    return host.role is role and node.spec.role is not role
