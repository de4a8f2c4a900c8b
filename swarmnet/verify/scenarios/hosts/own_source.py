"""Whether a host's kernel sends what has the host's own address: rules of policy routing may look at it. Pure.

A rule ``from ADDRESS`` is looked up once the source is known: for answers, for connections, and for what the host sends
to its own published ports, which the engine leads to the bridge. A route that is asked for without a source does not
show it, nor does a firewall. VXLAN is sent without one, and passes; in ESP it is sent with one, and does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify import claims, keys
from swarmnet.verify.captures import peers_among
from swarmnet.verify.ids import CauseId
from swarmnet.verify.kernels import kernel_of
from swarmnet.verify.keys import WAYS, outcomes
from swarmnet.verify.scenario import ObserverTask
from swarmnet.verify.scenarios.hosts.bridge_way import INWARDS, REFUSED, inside
from swarmnet.verify.scenarios.hosts.crossings import GOSSIP, ORDERS
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Answers, Setup

FROM_OWN = keys.targets("own-source")


def from_own(setup: Setup, host: str) -> tuple[ObserverTask, ...]:
    """Ask a host how it sends from its own address to its peers and to its bridge's containers."""
    own, targets = _own(setup, host), _targets(setup, host)
    if not own or not targets:
        return ()
    return (ObserverTask(host, FROM_OWN.name, {"kind": "ways", "from_address": own, "targets": targets}),)


def thrown_away(setup: Setup, answers: Answers, host: str) -> Iterator[Trouble]:
    """Yield what a host refuses to send from its own address and sends without it; else nothing is wrong here.

    Kernels refuse an address that the host does not have, too: behind a NAT, this says nothing.
    """
    own, devices = _own(setup, host), (kernel_of(answers, host) or {}).get("devices")
    if not isinstance(devices, dict) or own not in devices:
        return
    found, (without, _), (inwards, _) = outcomes(answers, host, FROM_OWN)[0], *_unsourced(answers, host)
    lost = {
        label: str(way.get("why"))
        for label, way in found.items()
        if way.get("ok") is False
        and str(way.get("error")) in REFUSED
        and (without.get(label) or inwards.get(label) or {}).get("ok") is True
    }
    if lost:
        yield _trouble(setup, host, own, lost)


def _unsourced(answers: Answers, host: str) -> tuple[tuple[dict[str, JsonObject], str | None], ...]:
    return outcomes(answers, host, WAYS), outcomes(answers, host, INWARDS)


def _trouble(setup: Setup, host: str, own: str, lost: dict[str, str]) -> Trouble:
    targets, bridges = _targets(setup, host), inside(setup, host)
    peers = [label for label in lost if label not in bridges]
    said = [f"{peer} ({targets[peer]})" for peer in peers] + [
        f"its containers ({one})" for one in lost if one in bridges
    ]
    hurt = [f"it opens no connection to {', '.join(peers)}, and does not answer there"] if peers else []
    hurt += ["it does not reach its own published ports"] if len(peers) < len(lost) else []
    broken = {place for peer in peers for place in _between(host, peer)}
    if len(peers) < len(lost):
        broken |= {claims.sends(host, host), *(claims.door(host, host, one) for one in ("tcp", "udp"))}
    reach = [label if label in bridges else str(targets[label]) for label in lost]
    return Trouble(
        CauseId.SOURCE_ROUTE,
        (host,),
        f"{host} throws away what it sends from its own address {own} to {', '.join(said)} ({lost[min(lost)]}): a rule"
        f" of policy routing (from {own}) leads to a route that refuses it, so {' and '.join(hurt)}",
        f"run these on {host}, which have it looked up in the main table first; then remove the rule or the route that"
        " the last one shows, and what makes it at the start of the host:",
        (*(f"ip rule add pref 1 from {own} to {one} lookup main" for one in reach), "ip rule show"),
        broken=frozenset(broken),
    )


def _between(host: str, peer: str) -> Iterator[Claim]:
    """Yield what fails where a host sends nothing to a peer from its own address, of either's connections."""
    # Of encrypted overlays, the kernel looks up the way again, with the source that the IPsec policy names.
    yield from (claims.sends(host, peer), claims.esp(host, peer), claims.passage("esp", host, peer))
    for way in ((host, peer), (peer, host)):
        yield from (claims.path(*way), claims.learned(*way), claims.port(GOSSIP, *way), claims.port(ORDERS, *way))
        yield from (claims.passage(kind, *way) for kind in ("answers", "gossip"))
        yield from (claims.door(*way, protocol) for protocol in ("tcp", "udp"))


def _own(setup: Setup, host: str) -> str:
    return next((one.vtep for one in setup.observers if one.host == host), "")


def _targets(setup: Setup, host: str) -> JsonObject:
    """Return the addresses of the peers by host, and one of each bridge of the host by its subnet."""
    is_six = ":" in _own(setup, host)
    known = {one.host: one.vtep for one in setup.observers}
    found: JsonObject = {
        peer: known[peer] for peer in peers_among(setup.watched, host) if known[peer] and (":" in known[peer]) == is_six
    }
    return found | ({} if is_six else {subnet: bridge.address for subnet, bridge in inside(setup, host).items()})
