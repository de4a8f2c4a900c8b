"""Hosts that are copies of each other, by what only one may have: judged alike outside of a swarm and in one. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from swarmnet.verify.ids import CauseId
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

NEW_ENGINE_ID = (
    "systemctl stop docker docker.socket",
    "rm -rf /var/lib/docker/engine-id /etc/docker/key.json /var/lib/docker/swarm",
    "systemctl start docker",
)
"""Engines keep their id in ``engine-id``, those up to 20.10 in ``key.json`` (moby daemon/id.go)."""


def shared(values: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield the hosts that have the same value; those without one are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for host, value in values.items():
        if value:
            found[value].append(host)
    yield from (tuple(hosts) for hosts in found.values() if hosts[1:])


def same_engine(ids: Mapping[str, str]) -> Iterator[Trouble]:
    """Yield hosts whose engines have one id."""
    for hosts in shared(ids):
        yield Trouble(
            CauseId.SAME_ENGINE,
            hosts,
            f"the engines of {', '.join(hosts)} have the same id: they were cloned together with their hosts, and"
            " displace each other in a swarm",
            f"run this on all of them except {hosts[0]}, once they are in no swarm:",
            NEW_ENGINE_ID,
        )


def same_mac(macs: Mapping[str, str]) -> Iterator[Trouble]:
    """Yield hosts whose cards towards the others have one MAC address: switches then deliver to either."""
    for hosts in shared(macs):
        yield Trouble(
            CauseId.SAME_MAC,
            hosts,
            f"the cards of {', '.join(hosts)} have the same MAC address {macs[hosts[0]]}: they are copies of one"
            " machine, and switches deliver to one of them by chance",
            "give the copies MAC addresses of their own in the settings of the virtual machine",
        )


def same_address(places: Mapping[str, Mapping[str, str]], known: Mapping[str, Collection[str]]) -> Iterator[Trouble]:
    """Yield hosts that have the address of another one: what they send to it never leaves them.

    Left over from load balancers that answer for others (direct server return), or from a failover; on a device that
    answers ARP, the other hosts may send to it, too.

    Args:
        places: host to its addresses, each with its device.
        known: host to the addresses by which others know it.
    """
    for host, devices in places.items():
        for peer, addresses in known.items():
            for address in sorted(set(addresses) & devices.keys() - {*known.get(host, ())}):
                if peer != host:
                    yield _of_peer(host, peer, address, devices[address])


def _of_peer(host: str, peer: str, address: str, device: str) -> Trouble:
    return Trouble(
        CauseId.ADDRESS_OF_PEER,
        (host, peer),
        f"{host} has {address}, the address of {peer}, on its device {device}: what {host} sends to {peer} never leaves"
        f" {host}",
        f"take the address away on {host}, and out of what sets it there (a load balancer, a failover):",
        (f"ip address del {address} dev {device}",),
    )
