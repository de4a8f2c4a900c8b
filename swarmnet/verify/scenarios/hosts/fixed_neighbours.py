"""Whether a host sends what is for a peer to a hardware address that the peer does not have: a fixed entry. Pure.

A kernel keeps an entry that someone set (``PERMANENT``) as it is: it outlives a new card, or a virtual machine that was
made again. Packets then leave and no host takes them; no firewall and no route shows it. What a kernel found out itself
is not judged, for routers may answer for others (proxy ARP); nor is an entry by which the way works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import kernel_of
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenarios.hosts.kernels import is_lost
from swarmnet.verify.scenarios.hosts.ports import ECHOED, everything
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.verify.scenario import Answers, Observer, Setup


def fixed_wrongly(setup: Setup, answers: Answers, known: Mapping[str, Mapping[str, str]]) -> Iterator[Trouble]:
    """Yield each fixed entry of a host for a peer that it does not reach, where the peer has another hardware address.

    Args:
        setup: with the hosts' addresses.
        answers: of the hosts' kernels, and how exchanges between them went.
        known: host to its addresses, each with the hardware address of its device; empty where that is not known.
    """
    for host in setup.watched:
        fixed = (kernel_of(answers, host) or {}).get("fixed")
        for entry in fixed if isinstance(fixed, list) else ():
            if not isinstance(entry, dict):
                continue
            address, device, mac = (str(entry.get(key) or "") for key in ("address", "device", "mac"))
            for peer in setup.observers:
                has = known.get(peer.host, {}).get(address, "") if _is_of(peer, address) else ""
                if peer.host != host and has.strip("0") and has != mac and _fails(setup, answers, host, peer.host):
                    yield _wrong(host, peer.host, (address, device, mac), has)


def _is_of(peer: Observer, address: str) -> bool:
    return address in (peer.vtep, peer.known_by)


def _fails(setup: Setup, answers: Answers, host: str, peer: str) -> bool:
    """Return whether nothing was seen to pass: containers did not exchange anything, or a host got no echo."""
    deaf = outcomes(answers, host, ECHOED)[0].get(peer, {}).get("ok") is False
    return deaf or is_lost(setup, answers, host, peer)


def _wrong(host: str, peer: str, entry: tuple[str, str, str], has: str) -> Trouble:
    address, device, mac = entry
    return Trouble(
        CauseId.NEIGHBOUR_FIXED,
        (host,),
        f"{host} sends what is for {peer} ({address}) to the hardware address {_colons(mac)}, which is fixed in its"
        f" neighbour table (PERMANENT), but {peer} has {_colons(has)}: nothing gets from {host} to {peer}",
        f"remove the entry on {host}, whose kernel then asks for the right address; find what sets it at the start of"
        " the host (a script with ip neigh or arp, systemd-networkd), or it comes back:",
        (f"ip neigh del {address} dev {device}",),
        broken=frozenset({claims.sends(host, peer), *everything(host, peer)}),
    )


def _colons(mac: str) -> str:
    return ":".join(mac[at : at + 2] for at in range(0, len(mac), 2))
