"""Validation of a network, on its own and against the observed cluster. Each check yields complete sentences."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from swarmnet.model.blocks import overlapping, overlaps, special
from swarmnet.model.compare import VNI_OPTION
from swarmnet.model.fields import needed
from swarmnet.model.network import GATEWAY, NetworkSpec, Scope
from swarmnet.model.plural import count
from swarmnet.model.version import ApiVersion, first_engine
from swarmnet.operations.addresses import ONE_ADDRESS, UNENCRYPTED, data_paths_apart, few, own_routes
from swarmnet.operations.network.drivers import driver_problems, driver_warnings, interface_problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.network import Subnet
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.model.swarm import SwarmSpec
    from swarmnet.operations.kind import Context

RESERVED = ("bridge", "host", "none", "default", "docker_gwbridge")
_SWARM_NAME = re.compile(r"[a-zA-Z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
"""The names that swarmkit takes (controlapi/common.go), in a form that reads each character once."""
_LONGEST_SWARM_NAME = 63
"""Of DNS."""
LOCAL_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
LEAST_MTU, LEAST_MTU_IPV6 = 576, 1280
"""Bytes; RFC 791 and RFC 8200."""
OWN_FIELDS = {
    "com.docker.network.driver.mtu": "mtu: 1450",
    "com.docker.network.enable_ipv6": "ipv6: true",
}
SINCE = {
    "com.docker.network.bridge.gateway_mode_ipv4": ("1.46", "27.0"),
    "com.docker.network.bridge.gateway_mode_ipv6": ("1.46", "27.0"),
    "com.docker.network.bridge.trusted_host_interfaces": ("1.50", "28.2"),
    "com.docker.network.host_ipv6": ("1.44", "25.0"),
    "ipvlan_flag": ("1.43", "24.0"),
}
"""Driver options that older engines store and ignore: the first API version and engine that use them."""
AUTOMATIC_IPV6 = ("1.46", "27.0")
WITHOUT_IPV6_OVERLAYS = ApiVersion(1, 51)
"""Seen on 28.5: such a network has no addresses at all, in either order of its blocks; 20.10 and 26.1 allocate it."""
_NO_BLOCK = "ipv6 without an IPv6 subnet"


def is_swarm_name(name: str) -> bool:
    """Return whether a network or service of the swarm can have this name."""
    return len(name) <= _LONGEST_SWARM_NAME and _SWARM_NAME.fullmatch(name) is not None


def shortened(text: str) -> str:
    """Return a text in quotes, cut if it is longer than any valid one."""
    return repr(text if len(text) <= 80 else f"{text[:80]}...")  # noqa: PLR2004 - fits on a line


def problems_of_spec(spec: NetworkSpec) -> Iterator[str]:
    """Yield what is wrong with the network in any cluster."""
    yield from _name(spec)
    yield from _driver(spec)
    yield from _options(spec)
    yield from driver_problems(spec)
    yield from _blocks(spec)
    if spec.config_from is not None and (spec.subnets or spec.options or spec.ipam_options or spec.ipv6):
        yield "subnets, options and ipv6 come from the config_from network: write them there only"
    if spec.config_from is not None and spec.labels:
        yield "engines refuse labels on a network with config_from: write them on the config-only network"
    if spec.config_only and (spec.attachable or spec.internal or spec.ingress or spec.scope):
        yield "a config_only network cannot have attachable, internal, ingress or scope: write them where it is used"


def problems_of_blocks(spec: NetworkSpec) -> Iterator[str]:
    """Yield blocks, gateways and ranges that no network can have, and a driver's limits."""
    yield from _driver(spec)
    yield from _options(spec)
    yield from _blocks(spec)


def problems_of_overlay(spec: NetworkSpec, state: ClusterState) -> Iterator[str]:
    """Yield what blocks of a network of the swarm overlap."""
    yield from _in_swarm(spec, state)
    yield from _routes(spec, state.hosts)


def problems_of_bridge(spec: NetworkSpec, facts: HostFacts) -> Iterator[str]:
    """Yield what blocks of a bridge of one host overlap."""
    yield from _beside(spec, [net.spec for net in facts.networks], f"network {{}} on {facts.host}")
    yield from _routes(spec, (facts,))


def problems_in_cluster(spec: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield what is wrong with the network next to the networks, routes and engines of this cluster."""
    state = context.state
    yield from _engines(spec, context)
    yield from _ipv6_overlay(spec, context)
    yield from ambiguous(spec, context)
    if spec.effective_scope is Scope.SWARM:
        yield from problems_of_overlay(spec, state)
        return
    for host in context.hosts:
        facts = state.facts(host.name)
        if facts is not None:
            if any(net.spec.name == spec.name for net in state.networks):
                yield f"the swarm already has a network {spec.name!r}: give the local one another name"
            if context.state.local_network(host.name, spec.name) is None:
                yield from _new_bridge(spec)
            yield from interface_problems(spec, facts)
            yield from problems_of_bridge(spec, facts)


def ambiguous(spec: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield hosts with several networks of the name, which engines up to 24 allow: which one is meant is not known."""
    if spec.effective_scope is Scope.SWARM:
        return
    for host in context.hosts:
        ids = [net.id[:12] for net in context.state.local_networks(host.name) if net.spec.name == spec.name]
        if len(ids) > 1:
            yield (
                f"{host.name} has {len(ids)} networks named {spec.name!r} ({', '.join(ids)}): keep one, and remove the"
                " others by their ids (docker network rm ID)"
            )


def warnings_in_cluster(spec: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield blocks that are too small for the nodes, local bridges in the way, and what the driver ignores."""
    hosts = tuple(facts for host in context.hosts if (facts := context.state.facts(host.name)) is not None)
    local = spec.effective_scope is Scope.LOCAL
    yield from driver_warnings(spec, context.state, hosts if local else ())
    if local:
        yield from _overlays(spec, context.state)
        return
    yield from _local_bridges(spec, context.state)
    yield from _unencrypted(spec, context)
    nodes = max(len(context.state.nodes), len(context.inventory.members))
    for block in spec.subnets:
        free = ipaddress.ip_network(block.ip_range or block.subnet).num_addresses - 3
        if free < 2 * nodes:
            yield (
                f"network {spec.name}: {block.ip_range or block.subnet} has only"
                f" {count(max(free, 0), 'usable address', 'usable addresses')};"
                f" the load balancer of each node takes one, which leaves few for tasks on {count(nodes, 'node')}"
            )


def _overlays(spec: NetworkSpec, state: ClusterState) -> Iterator[str]:
    """Yield networks of the swarm whose addresses a bridge overlaps: no container can be on both."""
    for net in state.networks if spec.driver == "bridge" else ():
        for block in spec.subnets:
            if met := overlapping(block.subnet, (one.subnet for one in net.spec.subnets)):
                yield (
                    f"network {spec.name}: subnet {block.subnet} overlaps {met} of the swarm's network {net.spec.name}:"
                    " no container can be on both"
                )


def _unencrypted(spec: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield hosts from which no packet of an encrypted network arrives."""
    apart = data_paths_apart(context.inventory.members, context.state) if spec.encrypted else {}
    if apart:
        where = few([f"{host} ({addresses})" for host, addresses in apart.items()])
        yield (
            f"network {spec.name}: overlays of {where} go by an address of their own: {UNENCRYPTED}; {ONE_ADDRESS}, or"
            " leave 'encrypted' out"
        )


def _local_bridges(spec: NetworkSpec, state: ClusterState) -> Iterator[str]:
    """Yield bridges of hosts whose addresses overlap: no container can be on both networks."""
    met: dict[str, list[str]] = {}
    for facts in state.hosts:
        for net in facts.networks:
            if net.spec.driver != "bridge" or net.spec.name == GATEWAY:
                continue  # the gateway is refused: every task has it
            for block in spec.subnets:
                if found := overlapping(block.subnet, (one.subnet for one in net.spec.subnets)):
                    met.setdefault(f"{block.subnet} overlaps {found} of bridge {net.spec.name}", []).append(facts.host)
    for what, where in met.items():
        yield f"network {spec.name}: subnet {what} on {few(where)}: no container can be on both"


def _name(spec: NetworkSpec) -> Iterator[str]:
    name = spec.name
    if name.lower() in RESERVED:
        other = f", or a '{GATEWAY}' step" if name == GATEWAY else ""
        yield f"network name {name!r} is reserved by the engine: use another name{other}"
    elif name.lower() == "ingress" or spec.ingress:
        yield "the ingress network carries the published ports of all services: write an 'ingress' step for it"
    elif spec.effective_scope is Scope.SWARM:
        if not is_swarm_name(name):
            yield f"network name {shortened(name)} is not a DNS label: use letters, digits and '-', at most 63, no dots"
    elif LOCAL_NAME.fullmatch(name) is None:
        yield f"network name {name!r} must begin with a letter or digit and hold only letters, digits, '_', '.', '-'"


def _driver(spec: NetworkSpec) -> Iterator[str]:
    overlay = spec.driver == "overlay"
    if overlay and spec.scope is Scope.LOCAL:
        yield "an overlay cannot be local: leave 'scope' out"
    if overlay and spec.ipv4 is False:
        yield "an overlay always has IPv4: leave 'ipv4' out"
    if spec.encrypted and not overlay:
        yield f"a {spec.driver} cannot be encrypted, only overlays can: leave 'encrypted' out"
    if spec.scope is Scope.SWARM and spec.on_lan and spec.config_from is None:
        yield f"a {spec.driver} of the swarm needs 'config_from', a config_only network that every host has"
    least = LEAST_MTU_IPV6 if spec.ipv6 else LEAST_MTU
    if spec.mtu is not None and spec.mtu < least:
        yield f"mtu {spec.mtu} is too small: {'IPv6' if spec.ipv6 else 'IPv4'} needs at least {least}"


def _options(spec: NetworkSpec) -> Iterator[str]:
    for name, value in spec.options.items():
        if name == "encrypted":
            yield (
                f"the option 'encrypted: {value}' encrypts whatever its value, since engines only check that it exists:"
                f" write 'encrypted: {'false' if value == 'false' else 'true'}' next to 'name', not in options"
            )
        elif name in OWN_FIELDS:
            yield f"option {name} has its own field: write '{OWN_FIELDS[name]}'"
        elif name == "dsr" and value.lower() in ("false", "0", "no"):
            yield "option dsr is on whenever it is written, whatever its value: leave it out"


def _blocks(spec: NetworkSpec) -> Iterator[str]:
    for one, two in overlaps(block.subnet for block in spec.subnets):
        yield f"subnets {one} and {two} of the network overlap each other"
    for block in spec.subnets:
        if (use := special(block.subnet)) is not None:
            yield f"subnet {block.subnet} is {use}: containers cannot have such addresses; choose a private one"
        yield from _inside(block)
        if block.aux_addresses and spec.effective_scope is Scope.SWARM:
            yield "engines silently drop aux_addresses of networks of the swarm: use 'ip_range' to keep addresses free"
        if ":" in block.subnet and not spec.ipv6:
            yield f"subnet {block.subnet} is IPv6: write 'ipv6: true', else engines store it and do not use it"


def _new_bridge(spec: NetworkSpec) -> Iterator[str]:
    """Yield what engines refuse of a bridge that is made, and that one which is there may have otherwise."""
    if spec.driver != "bridge" or spec.config_only or spec.config_from is not None:
        return
    if spec.ipv4 is False and not spec.ipv6:
        yield "a bridge has IPv4 or IPv6: write 'ipv6: true', too, or leave 'ipv4' out"
    for block in spec.subnets:
        first = ipaddress.ip_network(block.subnet).network_address + 1
        taken = [name for name, text in block.aux_addresses.items() if ipaddress.ip_address(text) == first]
        if taken and block.gateway is None and block.ip_range is None:
            yield (
                f"aux address {taken[0]} {first} is what engines take for the gateway of {block.subnet}:"
                " write another 'gateway', too"
            )


def _given_twice(named: Iterable[tuple[str, str | None]]) -> Iterator[str]:
    taken: dict[object, str] = {}
    for what, text in named:
        first = what if text is None else taken.setdefault(ipaddress.ip_address(text), what)
        if first != what:
            yield f"{what} {text} is the {first}, too: engines give an address once; write another"


def _inside(block: Subnet) -> Iterator[str]:
    subnet = ipaddress.ip_network(block.subnet)
    named = [("gateway", block.gateway), *((f"aux address {key}", one) for key, one in block.aux_addresses.items())]
    for what, text in named:
        if text is None:
            continue
        address = ipaddress.ip_address(text)
        if address not in subnet:
            yield f"{what} {text} is outside of subnet {block.subnet}"
        elif subnet.version == 4 and address in (subnet.network_address, subnet.broadcast_address):  # noqa: PLR2004
            yield f"{what} {text} is the network or broadcast address of subnet {block.subnet}"
    yield from _given_twice(named)
    if block.ip_range is not None:
        span = ipaddress.ip_network(block.ip_range)
        if span.version != subnet.version or not span.subnet_of(subnet):  # type: ignore[arg-type]
            yield f"ip_range {block.ip_range} is outside of subnet {block.subnet}"


def _in_swarm(spec: NetworkSpec, state: ClusterState) -> Iterator[str]:
    if state.swarm is None:
        yield f"network {spec.name} needs a swarm: put a 'swarm' step before"
        return
    same = state.network(spec.name)
    if same is not None and same.spec.name != spec.name:
        yield f"network names are case-insensitive: {spec.name!r} is already taken by {same.spec.name!r}"
    for facts in state.hosts:
        if any(net.spec.name == spec.name for net in facts.networks):
            yield f"{facts.host} has a local network {spec.name!r}: remove it, or give the swarm's network another name"
    yield from _in_pool(spec, state, state.swarm.spec)
    yield from _identifiers(spec, state)
    if spec.config_from is not None:
        lacking = [facts.host for facts in state.hosts if not _has(facts, spec.config_from)]
        if lacking:
            yield f"config_from {spec.config_from!r} is missing on {', '.join(lacking)}: every host needs it"


def _identifiers(spec: NetworkSpec, state: ClusterState) -> Iterator[str]:
    """Yield VXLAN identifiers that another network has, or asks for in a step before."""
    for other in state.networks:
        shared = asked_vnis(spec) & {*other.vnis, *asked_vnis(other.spec)}
        if shared and other.spec.name != spec.name:
            which = ", ".join(map(str, sorted(shared)))
            yield f"VXLAN identifier {which} belongs to network {other.spec.name}: write another one in {VNI_OPTION}"


def asked_vnis(spec: NetworkSpec) -> set[int]:
    """Return the VXLAN identifiers that a network asks for."""
    return {int(word) for word in spec.options.get(VNI_OPTION, "").split(",") if word.strip().isdecimal()}


def _in_pool(spec: NetworkSpec, state: ClusterState, swarm: SwarmSpec) -> Iterator[str]:
    yield from _beside(spec, [net.spec for net in state.networks], "network {}")
    for facts in state.hosts:
        gateways = [net.spec for net in facts.networks if net.spec.name == "docker_gwbridge"]
        yield from _beside(spec, gateways, f"network {{}} on {facts.host}, the tasks' way out")
    for pool in swarm.default_addr_pool or ():
        if any(block.subnet == pool for block in spec.subnets):
            yield f"subnet {pool} is the swarm's whole address pool and leaves nothing for other networks (moby#34493)"


def _has(facts: HostFacts, name: str) -> bool:
    return any(net.spec.name == name and net.spec.config_only for net in facts.networks)


def _beside(spec: NetworkSpec, others: list[NetworkSpec], words: str) -> Iterator[str]:
    if spec.config_only:
        return
    for other in others:
        if other.name == spec.name or other.config_only:
            continue
        for block in spec.subnets:
            if met := overlapping(block.subnet, (one.subnet for one in other.subnets)):
                yield f"subnet {block.subnet} overlaps {met} of {words.format(other.name)}"


def _routes(spec: NetworkSpec, hosts: tuple[HostFacts, ...]) -> Iterator[str]:
    if spec.driver not in ("overlay", "bridge"):
        return  # macvlan and ipvlan share the subnet of their parent on purpose
    for block in spec.subnets:
        met: dict[str, list[str]] = {}
        for facts in hosts:
            for route in own_routes(facts):
                if overlapping(block.subnet, [route.prefix]):
                    met.setdefault(f"{route.prefix} on {route.device}", []).append(facts.host)
        yield from (f"subnet {block.subnet} overlaps the route {what} of {few(where)}" for what, where in met.items())


def _has_ipv6_block(spec: NetworkSpec) -> bool:
    return any(":" in block.subnet for block in spec.subnets)


def _has_ipv6_already(spec: NetworkSpec, host: str, state: ClusterState) -> bool:
    """Return whether the network exists with an IPv6 block, which a step may leave out."""
    local = spec.effective_scope is Scope.LOCAL
    seen = state.local_network(host, spec.name) if local else state.network(spec.name)
    return seen is not None and _has_ipv6_block(seen.spec)


def too_old_for_network(spec: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield the fields of a network that engines are too old for: they would leave them out without a word."""
    for field, since, _remedy in needed(spec) if spec.config_from is None else ():
        for facts in (context.state.facts(host.name) for host in context.hosts):
            if facts is not None and facts.engine.api < ApiVersion.parse(since):
                yield f"{field} needs engine {first_engine(since)}; {facts.host} has {facts.engine.version}"


def _ipv6_overlay(spec: NetworkSpec, context: Context) -> Iterator[str]:
    """Yield managers whose engine takes an overlay with an IPv6 block and never allocates it: its tasks stay "New"."""
    seen = context.state.network(spec.name)
    if spec.driver != "overlay" or not _has_ipv6_block(spec) or (seen is not None and seen.allocated):
        return
    for host in context.inventory.managers:
        facts = context.state.facts(host.name)
        if facts is not None and facts.engine.api >= WITHOUT_IPV6_OVERLAYS:
            yield (
                f"{host.name} has engine {facts.engine.version}, which never allocates an overlay with an IPv6 subnet:"
                " leave the IPv6 subnet out"
            )


def _engines(spec: NetworkSpec, context: Context) -> Iterator[str]:
    yield from too_old_for_network(spec, context)
    asked = {name: since for name, since in SINCE.items() if name in spec.options}
    if spec.ipv6 and not _has_ipv6_block(spec) and spec.config_from is None:
        asked[_NO_BLOCK] = AUTOMATIC_IPV6
    for what, (api, engine) in asked.items():
        for host in context.hosts:
            facts = context.state.facts(host.name)
            if facts is None or (what == _NO_BLOCK and _has_ipv6_already(spec, host.name, context.state)):
                continue
            if facts.engine.api < ApiVersion.read(api):
                yield f"{what} needs engine {engine}; {host.name} has {facts.engine.version}"
