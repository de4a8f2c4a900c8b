"""What each network driver accepts: engines store options that no driver reads, and refuse others late.

Sources: libnetwork drivers/overlay, drivers/bridge, drivers/macvlan, drivers/ipvlan (20.10 to 28.5).
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from swarmnet.model.blocks import overlapping
from swarmnet.model.compare import VNI_OPTION
from swarmnet.model.network import Scope
from swarmnet.model.version import ApiVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.network import NetworkSpec
    from swarmnet.model.state import ClusterState, HostFacts

"""Their containers are on the network of an interface of the host, the parent."""
ENGINE_PREFIX = "com.docker."
_ANY_DRIVER = frozenset(
    f"com.docker.network.{name}"
    for name in ("driver.mtu", "enable_ipv4", "enable_ipv6", "advertise_addr_nmsgs", "advertise_addr_ms")
)
_BRIDGE = frozenset(
    f"com.docker.network.{name}"
    for name in (
        "bridge.name",
        "bridge.enable_ip_masquerade",
        "bridge.enable_icc",
        "bridge.host_binding_ipv4",
        "bridge.default_bridge",
        "bridge.inhibit_ipv4",
        "bridge.gateway_mode_ipv4",
        "bridge.gateway_mode_ipv6",
        "bridge.trusted_host_interfaces",
        "host_ipv4",
        "host_ipv6",
        "container_iface_prefix",
    )
)
READ: Mapping[str, frozenset[str]] = {
    "overlay": _ANY_DRIVER | {"encrypted", "dsr", VNI_OPTION},
    "bridge": _ANY_DRIVER | _BRIDGE,
    "macvlan": _ANY_DRIVER | {"parent", "macvlan_mode"},
    "ipvlan": _ANY_DRIVER | {"parent", "ipvlan_mode", "ipvlan_flag"},
}
"""Options that each driver reads. Drivers of plugins read what they like."""
MODES: Mapping[str, tuple[str, ...]] = {
    "macvlan_mode": ("bridge", "private", "vepa", "passthru"),
    "ipvlan_mode": ("l2", "l3", "l3s"),
    "ipvlan_flag": ("bridge", "private", "vepa"),
}
INTERFACE_LIMIT = 15
"""Characters of an interface's name (Linux, IFNAMSIZ)."""
OWN_BRIDGES = ("docker0", "docker_gwbridge")
BRIDGE_NAME = "com.docker.network.bridge.name"
MOST_VNI = (1 << 24) - 1
"""RFC 7348."""
SHARED_PARENT = ApiVersion(1, 46)
"""The first version whose engines take several macvlan networks on one parent (moby#47318; seen refused on 20.10 and
26.1, taken on 28.5)."""
_VLAN = re.compile(r"(.+)\.([0-9]{1,6})")
MOST_VLAN = 4094
"""IEEE 802.1Q."""


def driver_problems(spec: NetworkSpec) -> Iterator[str]:
    """Yield options that the driver does not read, and values that kernels refuse."""
    yield from _unread(spec)
    for name, modes in MODES.items():
        value = spec.options.get(name)
        if value is not None and value not in modes:
            yield f"{name} {value!r} does not exist: write one of {', '.join(modes)}"
    bridge = spec.options.get(BRIDGE_NAME, "")
    if len(bridge) > INTERFACE_LIMIT or set(bridge) & set("/ \t"):
        yield f"bridge name {bridge!r} cannot name an interface: use at most {INTERFACE_LIMIT} letters and digits"
    if bridge in OWN_BRIDGES:
        yield f"bridge name {bridge!r} is reserved by the engine: choose another"
    for vni in spec.options.get(VNI_OPTION, "1").split(","):
        if not (vni.isdecimal() and 1 <= int(vni[:9]) <= MOST_VNI):
            yield f"VXLAN identifier {vni!r} does not exist: write 1 to {MOST_VNI}"
    if spec.on_lan:
        yield from _parent(spec.options.get("parent", ""))


def driver_warnings(spec: NetworkSpec, state: ClusterState, hosts: tuple[HostFacts, ...]) -> Iterator[str]:
    """Yield what engines accept and this driver ignores."""
    layer3 = spec.driver == "ipvlan" and spec.options.get("ipvlan_mode") in ("l3", "l3s")
    if layer3 and any(block.gateway for block in spec.subnets):
        yield f"network {spec.name}: ipvlan in mode l3 has no gateway: the written one is ignored"
    if spec.driver == "overlay" and spec.ipv6:
        yield (
            f"network {spec.name}: the swarm gives each task of an overlay one address, of its IPv4 or its IPv6 block;"
            " each node chooses the other one alone, so two tasks may get the same address, and nodes reject tasks with"
            " an IPv6 address of the swarm; use IPv4 between tasks"
        )
    for name in spec.options:
        if name.startswith(ENGINE_PREFIX) and name not in READ.get(spec.driver, {name}):
            yield f"network {spec.name}: the {spec.driver} driver is not known to read option {name}"
    for facts in hosts:
        yield from _without_interface(spec, facts)
    yield from _lan_ranges(spec, hosts, state)
    if spec.config_from is not None:
        yield from _shared_ranges(spec, state)


def interface_problems(spec: NetworkSpec, facts: HostFacts) -> Iterator[str]:
    """Yield the networks of a host that already use the parent or the bridge name."""
    bridge = spec.options.get(BRIDGE_NAME)
    for net in facts.networks:
        if bridge is not None and net.spec.name != spec.name and net.spec.options.get(BRIDGE_NAME) == bridge:
            yield f"{facts.host}: bridge {bridge!r} belongs to network {net.spec.name}: write another {BRIDGE_NAME}"
    yield from _parent_problems(spec, facts)


def _parent_problems(spec: NetworkSpec, facts: HostFacts) -> Iterator[str]:
    parent = spec.options.get("parent")
    if not spec.on_lan or parent is None:
        return
    for net in facts.networks:
        other = net.spec
        if other.name == spec.name or not other.on_lan or other.options.get("parent") != parent:
            continue
        if other.driver != spec.driver:
            yield (
                f"{facts.host}: network {other.name} ({other.driver}) is already on {parent}, and an interface cannot"
                f" carry both: use another parent for {spec.driver}, such as {parent.partition('.')[0]}.10"
            )
        elif spec.driver == "ipvlan":
            yield f"{facts.host}: network {other.name} is already on {parent}, which carries one ipvlan network"
        elif facts.engine.api < SHARED_PARENT:
            yield (
                f"{facts.host}: network {other.name} is already on {parent}, and engine {facts.engine.version} takes"
                " one macvlan network an interface, engines from 27.0 several: use another parent"
            )
        elif "passthru" in (spec.options.get("macvlan_mode"), other.options.get("macvlan_mode")):
            yield f"{facts.host}: network {other.name} is already on {parent}, and mode passthru takes it alone"


def _unread(spec: NetworkSpec) -> Iterator[str]:
    known = READ.get(spec.driver)
    if known is None or spec.config_only:
        return  # a plugin's, or the driver is named where the configuration is used
    for name in spec.options:
        # What has a dot and is not the engine's may be a note of its author.
        if name not in known and "." not in name and name not in MODES:
            near = get_close_matches(name, [*known, "mtu", "ipv6", "subnets", "encrypted", "internal"], n=1)
            hint = f"did you mean {near[0]}?" if near else f"it reads {', '.join(sorted(known - _ANY_DRIVER))}"
            yield f"the {spec.driver} driver has no option {name!r}: it would be stored and ignored; {hint}"
        elif name in MODES and name not in known:
            yield f"{name} is not an option of the {spec.driver} driver"


def _parent(parent: str) -> Iterator[str]:
    match = _VLAN.fullmatch(parent)
    if match is not None and not 1 <= int(match[2]) <= MOST_VLAN:
        yield f"parent {parent}: VLAN {match[2]} does not exist: write 1 to {MOST_VLAN}"
    if len(parent) > INTERFACE_LIMIT:
        yield f"parent {parent!r} cannot name an interface: they have at most {INTERFACE_LIMIT} characters"


def _without_interface(spec: NetworkSpec, facts: HostFacts) -> Iterator[str]:
    parent = spec.options.get("parent", "")
    device = match[1] if (match := _VLAN.fullmatch(parent)) else parent
    known = {route.device for route in facts.routes}
    if spec.on_lan and device and known and not {device, parent} & known:
        seen = ", ".join(sorted(name for name in known if not name.startswith(("docker", "br-", "veth"))))
        yield f"network {spec.name}: no route of {facts.host} uses interface {device}; it has routes on {seen}"


def _lan_ranges(spec: NetworkSpec, hosts: tuple[HostFacts, ...], state: ClusterState) -> Iterator[str]:
    """Yield hosts whose engines would give out the same addresses of one LAN: none knows what the others give."""
    if not spec.on_lan:
        return
    mine = {facts.host for facts in hosts}
    for span in [block.ip_range or block.subnet for block in spec.subnets]:
        others = {
            facts.host
            for facts in state.hosts
            for net in facts.networks
            if net.spec.on_lan and facts.host not in mine
            if overlapping(span, (block.ip_range or block.subnet for block in net.spec.subnets))
        }
        both = sorted(mine | others)
        if mine and len(both) > 1:
            yield (
                f"network {spec.name}: {', '.join(both)} all assign addresses from {span}: two containers will get the"
                " same one; give each host a range of its own, such as 'ip_range: ${host.lan_range}'"
            )


def _shared_ranges(spec: NetworkSpec, state: ClusterState) -> Iterator[str]:
    """Yield pairs of hosts whose engines would give out the same addresses of one network."""
    if spec.effective_scope is not Scope.SWARM or spec.driver == "overlay":
        return
    ranges = [
        (facts.host, block.ip_range or block.subnet)
        for facts in state.hosts
        for net in facts.networks
        if net.spec.name == spec.config_from and net.spec.config_only
        for block in net.spec.subnets
    ]
    for index, (host, span) in enumerate(ranges):
        for other, beside in ranges[:index]:
            if other != host and overlapping(span, [beside]):
                yield (
                    f"network {spec.name}: {other} and {host} both assign addresses from {span}: two containers will"
                    f" get the same one; write an 'ip_range' of its own for each host in {spec.config_from}"
                )
                return
