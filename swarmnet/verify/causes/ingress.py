"""Why an entry node of the routing mesh does not answer: one verdict for each node and cause, whatever the protocol.

The way of a connection, and where it can end: rule in ``DOCKER-INGRESS`` of the host's nat table, accepted in the
filter table, over docker_gwbridge into the namespace ``ingress_sbox``, its IPVS table, the overlay ``ingress``, the
task (moby's libnetwork; the same chains from 20.10 to 28.5). The first thing missing on that way is the cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.iptables import CHAIN, is_accepted, is_published
from swarmnet.verify.keys import FILTER, MESH_TABLE, NAT, ROUTES, outcomes
from swarmnet.verify.patterns import FEWEST_PEERS
from swarmnet.verify.scenario import OPERATOR
from swarmnet.verify.scenarios.balancing.ipvs import backends as backends_of
from swarmnet.verify.scenarios.mesh.mesh import SSH, Flaw, MeshTcp, MeshUdp, failing, neighbours, sides_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Answers, MeshService, Setup
    from swarmnet.verify.scenarios.mesh.mesh import Complaint, Complaints

SCENARIOS = {one.name: one for one in (MeshTcp(), MeshUdp())}
"""The scenarios that are explained here."""
RESTART = "restart Docker on {0} (systemctl restart docker) to recreate them, and keep firewall tools from flushing"
CONCLUDED = frozenset({CauseId.INGRESS_UNKNOWN, CauseId.INGRESS_BLOCKED, CauseId.INGRESS_OUTSIDE})
"""Causes that are concluded from who is answered: whatever is found broken on the way explains them."""
DEVICES = 2
"""The mesh's namespace has a leg in the overlay and one in docker_gwbridge."""


@dataclass(frozen=True, slots=True)
class EntryCause:
    """What is wrong with one entry node."""

    id: CauseId
    detail: str
    fix: str
    status: Status = Status.FAILED


def explain(setup: Setup, answers: Answers) -> tuple[Verdict, ...]:
    """Return one verdict for each entry node and cause; none where every side got its answers."""
    if setup.mesh is None:
        return ()
    complaints = {name: failing(setup, answers, one.key) for name, one in SCENARIOS.items()}
    odd = _deaf(complaints, setup)
    complaints = {name: _without(by_entry, odd.get(name, frozenset())) for name, by_entry in complaints.items()}
    lost = _lost_everywhere(setup.mesh, complaints.values())
    found: dict[tuple[str | None, CauseId, Status], tuple[EntryCause, list[str]]] = {}
    for scenario, by_entry in complaints.items():
        for entry, sides in by_entry.items():
            for cause in _causes(setup, answers, (entry, SCENARIOS[scenario].protocol), sides, lost):
                place = None if cause.id is CauseId.INGRESS_TASK else entry
                found.setdefault((place, cause.id, cause.status), (cause, []))[1].append(scenario)
    entries = (
        _verdict(entry, cause, scenarios).model_copy(
            update={
                "broken": _broken(entry, cause, scenarios, complaints),
                "needed": _needed(setup, answers, (entry, cause.id), sorted(lost), scenarios),
            }
        )
        for (entry, *_), (cause, scenarios) in found.items()
    )
    return (*(_side(setup, host, odd) for host in sorted(frozenset[str]().union(*odd.values()))), *entries)


def _deaf(complaints: dict[str, Complaints], setup: Setup) -> dict[str, frozenset[str]]:
    """Return for each scenario the hosts that alone get no answer from any other: the fault is theirs."""
    found = {}
    for name, by_entry in complaints.items():
        asked = {side: {e for e in by_entry if side in by_entry[e] and e != side} for side in setup.watched}
        odd = {
            side
            for side, entries in asked.items()
            if len(entries) >= FEWEST_PEERS
            and entries == {one for one in neighbours(setup.watched, side) if one != side}
            and all(set(by_entry[entry]) <= {side, OPERATOR} for entry in entries)
        }
        if len(odd) == 1:
            found[name] = frozenset(odd)
    return found


def _without(by_entry: Complaints, sides: frozenset[str]) -> Complaints:
    kept = {e: {side: words for side, words in said.items() if side not in sides} for e, said in by_entry.items()}
    return {entry: said for entry, said in kept.items() if said}


def _side(setup: Setup, host: str, sides: dict[str, frozenset[str]]) -> Verdict:
    scenarios = [name for name, hosts in sides.items() if host in hosts]
    others = [one for one in neighbours(setup.watched, host) if one != host]
    names = ", ".join(others)
    words = f"{host} gets no answer from the published ports of any other host, though {names} answer each other"
    cause = EntryCause(
        CauseId.INGRESS_SIDE,
        words,
        f"look on {host} for what drops answers: INPUT rules for ESTABLISHED packets, routes that answers take"
        " another way,"
        " a full conntrack table (dmesg)",
    )
    protocols = [SCENARIOS[name].protocol for name in scenarios]
    return _verdict(host, cause, scenarios).model_copy(
        update={
            "subject": f"host {host}",
            "broken": frozenset(claims.door(host, other, protocol) for other in others for protocol in protocols),
            "needed": tuple(frozenset((claims.passage("answers", other, host),)) for other in others),
        }
    )


def _broken(
    entry: str | None, cause: EntryCause, scenarios: list[str], complaints: dict[str, Complaints]
) -> frozenset[Claim]:
    """Return the ways that the cause closes: the entry for all sides, or for some."""
    if entry is None:
        return frozenset()
    protocols = [SCENARIOS[scenario].protocol for scenario in scenarios]
    closed = frozenset(claims.entry(entry, protocol) for protocol in protocols)
    if cause.id is CauseId.INGRESS_NAMESPACE:
        return closed | {claims.mesh_namespace(entry)}
    if cause.id in {CauseId.INGRESS_RULES, CauseId.INGRESS_FORWARD, CauseId.INGRESS_INTERFACE}:
        return closed
    if cause.id in {CauseId.INGRESS_BLOCKED, CauseId.INGRESS_OUTSIDE} and cause.status is Status.FAILED:
        sides = {(side, scenario) for scenario in scenarios for side in complaints[scenario][entry]}
        return frozenset(claims.door(side, entry, SCENARIOS[scenario].protocol) for side, scenario in sides)
    return frozenset()


def _needed(
    setup: Setup, answers: Answers, what: tuple[str | None, CauseId], lost: list[str], scenarios: list[str]
) -> tuple[frozenset[Claim], ...]:
    """Return what the entry needed that another finding may have proved broken."""
    entry, cause = what
    if entry is None:
        return tuple(
            claims.mesh_exchange(setup, other, task) for task in lost for other in setup.watched if other != task
        )
    if cause in CONCLUDED:
        return _on_every_way(setup, answers, entry, scenarios)
    tasks = sorted({*setup.mesh.backends.values()}) if setup.mesh else []
    flushed = claims.rules(entry, "nat")
    if cause is CauseId.INGRESS_RULES and entry not in tasks:
        # An engine adds its rules with the first task of a service that it has, or hears of.
        return tuple(frozenset((flushed, claims.learned(entry, one))) for one in tasks)
    heard = {claims.learned(entry, one) for one in tasks if one != entry}
    rests = {
        CauseId.INGRESS_RULES: {flushed},
        CauseId.INGRESS_FORWARD: {claims.rules(entry, "filter")},
        CauseId.INGRESS_BACKENDS: {claims.balancer(entry, claims.MESH), *heard},
    }
    return (frozenset(rests[cause]),) if cause in rests else ()


def _on_every_way(setup: Setup, answers: Answers, entry: str, scenarios: list[str]) -> tuple[frozenset[Claim], ...]:
    """Return what each side needed that complains: the way into the entry, and from there to each task it missed."""
    found = []
    for name in scenarios:
        key, protocol = SCENARIOS[name].key, SCENARIOS[name].protocol
        for side, complaint in failing(setup, answers, key).get(entry, {}).items():
            way, missed = _way_in(setup, side, entry, protocol), _missed(setup, complaint)
            found += [claims.mesh_exchange(setup, entry, task) | way for task in missed if task != entry]
            found += [way] if not missed or entry in missed else []
    return tuple(found)


def _missed(setup: Setup, complaint: Complaint) -> tuple[str, ...]:
    """Return the hosts whose tasks one side did not reach; none where it only lost some connections."""
    if complaint.flaw is Flaw.SILENT and setup.mesh is not None:
        return tuple(sorted({*setup.mesh.backends.values()}))
    return complaint.hosts


def _way_in(setup: Setup, side: str, entry: str, protocol: str) -> frozenset[Claim]:
    """Return what a connection of one side into an entry needs; of the host itself, the bridge and the namespace."""
    inside = frozenset({claims.mesh_namespace(entry), claims.bridge(entry)})
    if side in (entry, "localhost"):
        return inside | ({claims.sends(entry, entry)} if side == entry else frozenset())
    port = setup.mesh.ports[protocol] if setup.mesh else 0
    found = inside | {claims.entry(entry, protocol), claims.door(side, entry, protocol)}
    found |= {claims.published(protocol, port, one, entry) for one in (side, OPERATOR)}
    return found | ({claims.passage("doors", side, entry)} if side != OPERATOR else frozenset())


def _lost_everywhere(mesh: MeshService, complaints: Iterable[Complaints]) -> frozenset[str]:
    """Return hosts whose task no entry reaches: then the task's host is the cause, not the entries."""
    said = [sides for by_entry in complaints for sides in by_entry.values()]
    return frozenset(
        host
        for host in mesh.backends.values()
        if len(said) > 1 and all(_misses(one, host) for sides in said for one in sides.values())
    )


def _misses(complaint: Complaint, host: str) -> bool:
    return complaint.flaw is Flaw.UNREACHED and host in complaint.hosts


def _causes(
    setup: Setup, answers: Answers, where: tuple[str, str], sides: dict[str, Complaint], lost: frozenset[str]
) -> Iterable[EntryCause]:
    entry, protocol = where
    mesh = setup.mesh
    if mesh is None:
        return
    if lost:
        yield EntryCause(
            CauseId.INGRESS_TASK,
            f"no entry node reaches the task on {', '.join(sorted(lost))} through the routing mesh",
            "the ingress overlay does not reach that host, or its engine hangs: restart Docker there",
        )
        return
    inside = {side: words for side, words in sides.items() if side != OPERATOR}
    broken = _on_the_way(answers, entry, protocol, mesh)
    if broken is not None and inside:
        yield broken
    elif entry in inside and _others_answered(setup, answers, (entry, protocol), sides):
        yield _unanswered_itself(entry, inside[entry])
    elif set(inside) - {"localhost"}:
        yield _blocked(entry, inside)
    elif inside:
        yield EntryCause(
            CauseId.INGRESS_LOCALHOST,
            f"published ports of {entry} do not answer at 127.0.0.1 ({inside['localhost']}), though they do at its"
            " address",
            "use the host's address for published ports",
            Status.WARNING,
        )
    if OPERATOR in sides and not inside:
        yield _from_outside(setup, answers, entry, sides[OPERATOR])


def _on_the_way(answers: Answers, entry: str, protocol: str, mesh: MeshService) -> EntryCause | None:
    """Return the first thing that is missing between the entry's card and the overlay; None when all is there."""
    port = mesh.ports[protocol]
    nat, accepted = NAT.read(answers, entry), FILTER.read(answers, entry)
    routes, table = ROUTES.read(answers, entry), MESH_TABLE.read(answers, entry)
    if routes is not None and routes.misses_file:
        return EntryCause(
            CauseId.INGRESS_NAMESPACE,
            f"published ports do not work on {entry}: the routing mesh's network namespace (ingress_sbox) is gone",
            f"restart Docker on {entry}; if that does not help, drain the node, let it leave the swarm and join again",
        )
    if routes is not None and routes.succeeded and len(_devices(routes.stdout)) < DEVICES:
        return EntryCause(
            CauseId.INGRESS_INTERFACE,
            f"published ports do not work on {entry}: the routing mesh's namespace (ingress_sbox) lost an interface"
            " or routes",
            f"restart Docker on {entry} to connect the namespace again",
        )
    if nat is not None and not is_published(nat, port, protocol):
        return EntryCause(
            CauseId.INGRESS_RULES,
            f"published ports do not work on {entry}: its {CHAIN} nat rules are missing",
            f"{RESTART.format(entry)} Docker's chains",
        )
    if accepted is not None and not is_accepted(accepted, port, protocol):
        return EntryCause(
            CauseId.INGRESS_FORWARD,
            f"published ports do not work on {entry}: its {CHAIN} rules that accept forwarded packets are missing",
            f"{RESTART.format(entry)} Docker's chains",
        )
    held = set().union(*backends_of(table.stdout)) if table is not None and table.succeeded else None
    if held is not None and mesh.addresses and not set(mesh.addresses) <= held:
        return EntryCause(
            CauseId.INGRESS_BACKENDS,
            f"{entry} balances to too few tasks: the routing mesh's IPVS table lacks running tasks",
            "run docker service update --force SERVICE to renew the entries; if they stay wrong, restart Docker on"
            f" {entry}",
        )
    return None


def _others_answered(setup: Setup, answers: Answers, where: tuple[str, str], sides: dict[str, Complaint]) -> bool:
    """Return whether the entry gives no answer to itself alone: other hosts asked it, and none complains."""
    entry, protocol = where
    looked = next(one.key for one in SCENARIOS.values() if one.protocol == protocol)
    others = sides_of(setup, answers, looked, entry) - {entry, OPERATOR}
    alone = sides[entry].flaw is Flaw.SILENT and not set(sides) - {entry, "localhost"}
    return alone and bool(others)


def _unanswered_itself(entry: str, complaint: Complaint) -> EntryCause:
    """Return the cause of an entry that answers others: its own packets to the mesh have another source address."""
    return EntryCause(
        CauseId.INGRESS_UNKNOWN,
        f"published ports of {entry} answer the other hosts, but not {entry} itself at its own address: {complaint}",
        f"look on {entry} for rules of policy routing on what it sends from its own address (ip rule show), and for"
        " OUTPUT rules that drop",
    )


def _blocked(entry: str, inside: dict[str, Complaint]) -> EntryCause:
    others = sorted(set(inside) - {entry, "localhost"})
    if entry in inside:
        detail = f"published ports do not work on {entry}, not even from the host itself: {inside[entry]}"
        return EntryCause(
            CauseId.INGRESS_UNKNOWN,
            detail,
            f"its rules and its namespace look right: restart Docker on {entry} (systemctl restart docker)",
        )
    detail = f"published ports of {entry} are blocked for {', '.join(others)}: {inside[others[0]]}; {entry} answers"
    return EntryCause(
        CauseId.INGRESS_BLOCKED,
        f"{detail} itself",
        "look for rules that drop incoming packets: DOCKER-USER and FORWARD on the host, firewalls and security groups"
        " between the hosts",
    )


def _from_outside(setup: Setup, answers: Answers, entry: str, complaint: Complaint) -> EntryCause:
    """Return the cause of an entry that answers all hosts but not the operator's machine."""
    opened, _ = outcomes(answers, OPERATOR, SSH)
    everyone = {host for one in SCENARIOS.values() for host in failing(setup, answers, one.key)}
    hidden = len(everyone) == len(setup.watched) or not opened.get(entry, {}).get("ok")
    return EntryCause(
        CauseId.INGRESS_OUTSIDE,
        f"published ports of {entry} answer the other hosts but not your machine: {complaint}",
        "open the published ports between your machine and the host, or run verify from where the clients are",
        Status.INCONCLUSIVE if hidden else Status.FAILED,
    )


def _verdict(entry: str | None, cause: EntryCause, scenarios: list[str]) -> Verdict:
    names: list[JsonValue] = [*sorted(set(scenarios))]
    return Verdict(
        scenario=Group.MESH,
        subject="routing mesh" if entry is None else f"entry {entry}",
        status=cause.status,
        detail=f"{cause.detail} ({', '.join(SCENARIOS[name].protocol for name in sorted(set(scenarios)))})",
        fix=cause.fix,
        cause=cause.id,
        evidence={"cause": cause.id, "host": entry, "hosts": [entry] if entry else [], "scenarios": names},
    )


def _devices(route_table: str) -> set[str]:
    return {line.split()[0] for line in route_table.splitlines()[1:] if line.strip()}
