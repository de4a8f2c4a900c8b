"""Which address of a host goes into a swarm, and which routes are its own."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Host
    from swarmnet.model.state import ClusterState, HostFacts, Route

_DOCKER_DEVICES = ("docker0", "docker_gwbridge", "br-", "veth")


def advertise_of(host: Host, facts: HostFacts) -> str:
    """Return the IP literal that the host advertises: as written, or found on the interface that the inventory names.

    Engines accept interface names, but refuse those with several addresses, and fall back to another address on joins
    without an error (moby#30119). So swarmnet always sends an IP literal.

    Raises:
        ValueError: says what to write instead.
    """
    written = host.advertise or host.address
    if _is_ip(written):
        if facts.addresses and ":" not in written and written not in facts.addresses:
            raise ValueError(
                f"{host.name}: {written} is not an address of the host, which has {', '.join(facts.addresses)};"
                " write 'advertise:' with one of these"
            )
        return written
    if host.advertise is None:
        return _only(host, f"the name {host.address} does not say which address is the host's own: it", facts.addresses)
    return _only(host, f"interface {written}", tuple(_on_device(facts, written)))


def data_path_of(host: Host, facts: HostFacts) -> str | None:
    """Return the IP literal for VXLAN, None when it is the advertised one; raises ``ValueError`` as above."""
    if host.data_path is None or _is_ip(host.data_path):
        return host.data_path
    return _only(host, f"interface {host.data_path}", tuple(_on_device(facts, host.data_path)))


UNENCRYPTED = (
    "engines encrypt only what leaves from the address of their node, so encrypted networks send there in clear, and"
    " the receivers drop it (moby#41421)"
)
"""Why an address of its own for VXLAN and encryption do not go together, after the hosts that have one."""
ONE_ADDRESS = "give each of these hosts one address as 'advertise' and 'data_path'"
"""What to do about it. Hosts that are in a swarm have to leave it first."""


def data_paths_apart(hosts: Iterable[Host], state: ClusterState) -> dict[str, str]:
    """Return hosts whose overlays go by another address than that of the node: name to ``10.77.0.1, not 192.0.2.1``.

    What engines in a swarm say comes before the inventory. Hosts whose addresses are not known are left out.
    """
    found = {}
    for host in hosts:
        facts = state.facts(host.name)
        if facts is None:
            continue
        try:
            node = facts.engine.membership.address or advertise_of(host, facts)
            path = facts.data_path or data_path_of(host, facts) or node
        except ValueError:  # reported where addresses are checked
            continue
        if ipaddress.ip_address(path) != ipaddress.ip_address(node):
            found[host.name] = f"{path}, not {node}"
    return found


def few(hosts: list[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = len(hosts) - 3
    return ", ".join(hosts[:3]) + (f" and {more} more" if more > 0 else "")


def own_routes(facts: HostFacts) -> tuple[Route, ...]:
    """Return the host's own routes, without the default route and those of Docker's bridges."""
    bridges = {net.spec.options.get("com.docker.network.bridge.name", "") for net in facts.networks}
    return tuple(
        route
        for route in facts.routes
        if route.prefix not in ("default", "0.0.0.0/0")
        and not route.device.startswith(_DOCKER_DEVICES)
        and route.device not in bridges
    )


def _on_device(facts: HostFacts, device: str) -> Iterator[str]:
    blocks = [ipaddress.ip_network(route.prefix, strict=False) for route in facts.routes if route.device == device]
    for address in facts.addresses:
        if any(ipaddress.ip_address(address) in block for block in blocks if block.prefixlen):
            yield address


def _only(host: Host, where: str, found: tuple[str, ...]) -> str:
    if len(found) == 1:
        return found[0]
    seen = f"has {', '.join(found)}" if found else "has no IPv4 address that is known"
    raise ValueError(f"{host.name}: {where} {seen}; write 'advertise:' or 'data_path:' as one IP address")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
