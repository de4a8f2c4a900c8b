"""Why a port that must answer does not: the first thing that is wrong on the way, with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from swarmnet.verify import claims
from swarmnet.verify.ends import HOST_NETWORK
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import is_loopback
from swarmnet.verify.scenarios.control.subnets import hiding
from swarmnet.verify.scenarios.expected.asked import (
    EVERYWHERE,
    LOST,
    REFUSED,
    SILENT,
    UNREACHABLE,
    UNRESOLVABLE,
    WRONG,
    listening_near,
    listening_of,
)

if TYPE_CHECKING:
    from swarmnet.model.report import Claim
    from swarmnet.verify.ends import End
    from swarmnet.verify.scenario import Answers, Setup
    from swarmnet.verify.scenarios.expected.asked import Outcome, Target


IPVS_FIX = "use a kernel with CONFIG_IP_VS (modprobe ip_vs ip_vs_rr), or give the services endpoint_mode dnsrr"


@dataclass(frozen=True, slots=True)
class Reason:
    """What keeps a port from answering."""

    cause: CauseId | None
    """None where nothing is proved to be wrong."""
    words: str
    fix: str | None = None
    needed: frozenset[Claim] = frozenset()
    unproved: CauseId | None = None
    """What a host lacks, so that nothing can be proved there."""
    """What else may explain it, when another finding proves it broken."""


ORDER = (
    CauseId.NO_SHARED_NETWORK,
    CauseId.UNRESOLVABLE,
    CauseId.NO_ROUTE,
    CauseId.NOT_LISTENING,
    CauseId.REFUSED,
    CauseId.VIP,
    CauseId.BLOCKED,
    CauseId.CHECK_FAILED,
)
"""The first layer that is broken comes first."""


def reason_of(setup: Setup, answers: Answers, outcome: Outcome) -> Reason:
    """Return why an attempt that should have succeeded did not."""
    target = outcome.target
    if outcome.seen == UNRESOLVABLE:
        return Reason(
            CauseId.UNRESOLVABLE,
            f"the name {target.name} is not found ({outcome.why})",
            "compare the names and aliases of its networks (swarmnet show names), and the resolver of that host",
            frozenset({claims.resolver(outcome.asker.host)}),
        )
    if outcome.seen in (UNREACHABLE, SILENT, LOST) and (unbalanced := _unbalanced(setup, answers, outcome)):
        return unbalanced
    if outcome.seen == UNREACHABLE:
        return Reason(
            CauseId.NO_ROUTE,
            f"there is no way to {target.label} ({outcome.why})",
            "look at the routes of that container, and at the rules of its host",
            _between(setup, outcome),
        )
    if outcome.seen == WRONG:
        words = f"{target.label} is open, but: {outcome.why}"
        return Reason(CauseId.CHECK_FAILED, words, "read what it logs", _programs(target))
    if outcome.seen == REFUSED:
        return _refused(setup, answers, outcome)
    return _silent(setup, answers, outcome)


def _refused(setup: Setup, answers: Answers, outcome: Outcome) -> Reason:
    target = outcome.target
    known = listening_near(setup, answers, target.end) if target.end is not None else None
    if known is None:
        return Reason(CauseId.REFUSED, f"{target.label} is refused", "check that its program listens on that port")
    where = known.on(target.door)
    if not where:
        has = ", ".join(str(door) for door in known.doors()) or "no TCP port"
        return Reason(
            CauseId.NOT_LISTENING,
            f"{target.label} is refused: no program of {target.end} listens on {target.door}; it has {has}",
            "correct the port, or the program's configuration",
        )
    if all(is_loopback(one) for one in where):
        return Reason(
            CauseId.NOT_LISTENING,
            f"{target.label} is refused: {target.end} listens on {', '.join(sorted(where))}:{target.door} alone",
            "let it listen on all addresses (0.0.0.0)",
        )
    return Reason(
        CauseId.REFUSED,
        f"{target.label} is refused, though {target.end} listens on {', '.join(sorted(where))}:{target.door}",
        f"look for a rule that rejects it: {rules_of(target.end)}" if target.end is not None else None,
    )


def _unbalanced(setup: Setup, answers: Answers, outcome: Outcome) -> Reason | None:
    """Return why a virtual address does not answer; None where the attempt was to another one.

    Without IPVS no packet to it is passed on: on an internal network, the kernel reports that there is no route.
    """
    target, asker = outcome.target, outcome.asker
    virtual = target.end is None and set(outcome.addresses) & _virtual(setup)
    if not virtual:
        return None
    own = listening_of(asker).read(answers, asker.host)
    network = next(iter(_networks_of(setup, virtual)), "")
    how = "stays silent" if outcome.seen in (SILENT, LOST) else f"does not answer ({outcome.why})"
    words = f"{target.label} ({', '.join(outcome.addresses)}, a virtual address) {how}"
    if own is not None and not own.has_ipvs:
        words += f": the kernel of {asker.host} has no IPVS, so nothing balances there"
        return Reason(None, words, IPVS_FIX, unproved=CauseId.NO_IPVS)
    fix = (
        f"tasks may answer by their own addresses: renew what {asker.host} balances to (docker service update --force"
        " SERVICE); if that changes nothing, restart Docker there"
    )
    return Reason(CauseId.VIP, words, fix, frozenset({claims.balancer(asker.host, network)}))


def _silent(setup: Setup, answers: Answers, outcome: Outcome) -> Reason:
    target = outcome.target
    if outcome.seen == LOST:
        return Reason(
            CauseId.BLOCKED,
            f"{target.label}: no datagram gets into the network namespace of {target.end or target.name}",
            "something drops the packets: look at the rules of both containers",
            _between(setup, outcome),
        )
    known = listening_near(setup, answers, target.end) if target.end is not None else None
    if target.door.protocol == "udp":
        words = f"{target.label}: datagrams get no answer, which proves nothing without a check"
        return Reason(None, words, udp_advice(target.end.party if target.end is not None else target.name))
    more = f", though {target.end} listens there" if known and EVERYWHERE in known.on(target.door) else ""
    look = rules_of(target.end) if target.end is not None else "look at the rules of both containers"
    return Reason(
        CauseId.BLOCKED,
        f"{target.label} stays silent{more}",
        f"something drops the packets: {look}",
        _between(setup, outcome),
    )


def _programs(target: Target) -> frozenset[Claim]:
    """Return what an answer needs besides the way: that the programs run which should give it."""
    return frozenset({claims.programs(target.end.party if target.end is not None else target.name)})


def rules_of(end: End) -> str:
    """Return how people read the rules that a container's packets meet: its own, and those of its host."""
    inside = f"nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {end.container[:12]}) -n iptables-save"
    return f"on {end.host}, read its rules with '{inside}', and the host's with iptables-save"


def udp_advice(service: str) -> str:
    """Return what to do where datagrams stay without an answer: most programs answer only what they understand."""
    return f"if {service} is a DNS server, give it 'check: {{dns: NAME}}'; else ask it with a client of its own"


def _virtual(setup: Setup) -> set[str]:
    return {one.partition("/")[0] for service in setup.state.services for one in service.virtual_ips.values()}


def _networks_of(setup: Setup, addresses: set[str]) -> list[str]:
    return [
        network
        for service in setup.state.services
        for network, address in service.virtual_ips.items()
        if address.partition("/")[0] in addresses
    ]


def _between(setup: Setup, outcome: Outcome) -> frozenset[Claim]:
    """Return what the way between both hosts needs."""
    end, network = outcome.target.end, outcome.target.network
    if end is None and (hidden := hiding(setup, outcome.asker.addresses, (*outcome.addresses, outcome.target.name))):
        return hidden
    if end is None and HOST_NETWORK not in outcome.asker.addresses and _is_outside(setup, outcome):
        return frozenset({claims.outwards(outcome.asker.host)})
    if end is None or not end.host or not network:
        return frozenset()
    return claims.exchange(setup, network, outcome.asker.host, end.host)


def _is_outside(setup: Setup, outcome: Outcome) -> bool:
    """Return whether an attempt went to addresses of no network of the swarm."""
    blocks = [ip_network(part.subnet, strict=False) for net in setup.state.networks for part in net.spec.subnets]
    found = [ip_address(one) for one in outcome.addresses]
    return bool(found) and not any(one in block for one in found for block in blocks)


def is_proved(outcome: Outcome) -> bool:
    """Return whether an attempt shows that a port does not answer: silence of UDP does not."""
    return outcome.seen is not None and not (outcome.seen == SILENT and outcome.target.door.protocol == "udp")
