"""Choose the lab's addresses so that they meet nothing that the machine already has."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.machine.commands import run
from swarmnet.model.plural import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Far from what engines assign by themselves: overlays from 10.0.0.0 upwards, bridges from 172.17 to
# 172.31 and from 192.168.0.0 upwards. The later blocks serve machines whose VPN claims all of 10/8.
_BLOCKS = (IPv4Network("10.213.0.0/16"), IPv4Network("192.168.208.0/20"), IPv4Network("172.31.208.0/20"))
_HOSTS_FROM = 11


class _Route(BaseModel):
    dst: str


class _AddressInfo(BaseModel):
    local: str = ""
    prefixlen: int = 32


class _Interface(BaseModel):
    ifname: str = ""
    addr_info: list[_AddressInfo] = []


def networks_in_use() -> dict[IPv4Network, str]:
    """Return what this machine's addresses and routes cover, and who says so."""
    routes = TypeAdapter(list[_Route]).validate_json(run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    links = TypeAdapter(list[_Interface]).validate_python(
        [link for link in json.loads(run(["ip", "-json", "-4", "address", "show"])) if link]
    )
    used = {IPv4Network(route.dst): f"route {route.dst}" for route in routes if route.dst[0].isdigit()}
    for link in links:
        for address in link.addr_info:
            network = IPv4Network(f"{address.local}/{address.prefixlen}", strict=False)
            used[network] = f"address {address.local} of {link.ifname}"
    return {network: who for network, who in used.items() if network.prefixlen > 0}


def choose(wanted: IPv4Network | None, *, hosts: int, taken: dict[IPv4Network, str]) -> IPv4Network:
    """Return the subnet of a new lab: the wanted one, or the first free /24.

    Raises:
        UsageError: The wanted one is in use, too small, or not private.
        LabError: No /24 is free.
    """
    if wanted is not None:
        _check(wanted, hosts=hosts, taken=taken)
        return wanted
    for candidate in _candidates():
        if not any(candidate.overlaps(network) for network in taken):
            return candidate
    raise LabError("no private /24 is free on this machine", hint="name one with --subnet")


def _candidates() -> Iterator[IPv4Network]:
    for block in _BLOCKS:
        yield from block.subnets(new_prefix=24)


def _check(wanted: IPv4Network, *, hosts: int, taken: dict[IPv4Network, str]) -> None:
    if not wanted.is_private:
        raise UsageError(f"subnet {wanted} is not private", hint="take one out of 10/8, 172.16/12 or 192.168/16")
    if wanted.num_addresses < hosts + 3:
        raise UsageError(
            f"subnet {wanted} is too small for {count(hosts, 'host')} and the operator's side",
            hint=f"give it at least {hosts + 3} addresses, such as a /24",
        )
    for network, who in taken.items():
        if network.overlaps(wanted):
            raise UsageError(f"subnet {wanted} is in use: {who}", hint="leave --subnet out, and a free one is chosen")


def addresses(subnet: IPv4Network, names: Iterable[str]) -> dict[str, IPv4Address]:
    """Give each name an address: from .11 on where there is room, else right after the operator's."""
    hosts = list(names)
    roomy = subnet.num_addresses > len(hosts) + _HOSTS_FROM
    first = _HOSTS_FROM if roomy else 2
    return {name: subnet[first + index] for index, name in enumerate(hosts)}
