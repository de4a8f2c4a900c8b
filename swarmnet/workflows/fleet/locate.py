"""Where the names of the inventory lead: what ties a host to a node other than the host's own word."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.events import Progress
from swarmnet.model.trust import on_their_word, written

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from swarmnet.model.ports import Ports
    from swarmnet.model.state import HostFacts
    from swarmnet.model.swarm import Node
    from swarmnet.model.trust import Located

_LIMIT = 5.0
"""Seconds for a manager's resolver."""


def located(ports: Ports, seen: Collection[HostFacts], nodes: Collection[Node]) -> Located:
    """Return the addresses to which the names of hosts led.

    The other end of a direct connection counts. For hosts behind a jump host a manager's resolver is asked, and only
    where nothing else says which node they are.
    """
    names = [one.host for one in seen if not written(ports.inventory.host(one.host))]
    found = {host: frozenset({peer}) for host in names if (peer := ports.approach(host).peer) is not None}
    for host in on_their_word(seen, nodes, ports.inventory, found):
        if host in names and host not in found:
            found[host] = _resolved(ports, host, seen)
    return found


def warn_of_doubtful(ports: Ports, hosts: Sequence[str]) -> None:
    """Report hosts that are believed though only they themselves say which node they are."""
    if not hosts:
        return
    who, one = ", ".join(hosts), len(hosts) == 1
    what = (
        f"which node {who} is, only {'it says' if one else 'they say'}: neither name nor address in the inventory does"
    )
    ports.listener(Progress(f"warning: {what}; write 'advertise: ADDRESS', where the managers list the node"))


def _resolved(ports: Ports, host: str, seen: Collection[HostFacts]) -> frozenset[str]:
    """Return the addresses that the first manager's resolver has for the name of a host; none where it has none."""
    name = ports.approach(host).address
    asked = next((one.name for one in ports.inventory.managers if any(facts.host == one.name for facts in seen)), None)
    addresses: set[str] = set()
    if asked is not None:
        with suppress(HostError):
            printed = ports.shell(asked).run(["getent", "ahosts", name], timeout=_LIMIT).stdout
            for line in printed.decode(errors="replace").splitlines():
                with suppress(ValueError):
                    addresses.add(str(ip_address(line.partition(" ")[0])))
    return frozenset(addresses)
