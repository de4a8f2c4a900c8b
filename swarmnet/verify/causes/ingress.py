"""Why an entry node of the routing mesh does not answer: one verdict a node and cause, whatever the protocol.

The way of a connection, and where it can end: rule in ``DOCKER-INGRESS`` of the host's nat table, accepted in the
filter table, over docker_gwbridge into the namespace ``ingress_sbox``, its IPVS table, the overlay ``ingress``, the
task (moby's libnetwork; the same chains from 20.10 to 28.5). The first thing missing on that way is the cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.iptables import CHAIN, is_published
from swarmnet.verify.patterns import FEWEST_PEERS
from swarmnet.verify.scenario import OPERATOR, outcomes
from swarmnet.verify.scenarios.balancing.ipvs import backends as backends_of
from swarmnet.verify.scenarios.mesh.mesh import SSH, failing, neighbours, unreached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Answer, Answers, MeshService, Setup

NAMES = {"mesh-tcp": "tcp", "mesh-udp": "udp"}
"""The scenarios that are explained here, and their protocols."""
RESTART = "restart the engine on it (systemctl restart docker), which writes them anew; firewalls that flush rules must"
DEVICES = 2
"""The mesh's namespace has a leg in the overlay and one in docker_gwbridge."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with one entry node."""

    name: str
    detail: str
    fix: str
    status: Status = Status.FAILED


def explain(setup: Setup, answers: Answers) -> tuple[Verdict, ...]:
    """Return one verdict for each entry node and cause; none where every side got its answers."""
    if setup.mesh is None:
        return ()
    complaints = {name: failing(setup, answers, name) for name in NAMES if name in _asked(answers)}
    odd = _deaf(complaints, setup)
    complaints = {name: _without(by_entry, odd.get(name, frozenset())) for name, by_entry in complaints.items()}
    lost = _lost_everywhere(setup.mesh, complaints.values())
    found: dict[tuple[str, Cause], list[str]] = {}
    for scenario, by_entry in complaints.items():
        for entry, sides in by_entry.items():
            for cause in _causes(setup, answers, (entry, NAMES[scenario]), sides, lost):
                found.setdefault((cause.name if cause.name == "ingress-task" else entry, cause), []).append(scenario)
    entries = (
        _verdict(entry, cause, scenarios).model_copy(
            update={
                "broken": _broken(entry, cause, scenarios, complaints),
                "needed": _needed(setup, answers, (entry, cause.name), sorted(lost), scenarios),
            }
        )
        for (entry, cause), scenarios in found.items()
    )
    return (*(_side(setup, host, odd) for host in sorted(frozenset[str]().union(*odd.values()))), *entries)


def _deaf(complaints: dict[str, dict[str, dict[str, str]]], setup: Setup) -> dict[str, frozenset[str]]:
    """Return for each scenario the hosts that alone get no answer from any other: they are odd, not the entries."""
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


def _without(by_entry: dict[str, dict[str, str]], sides: frozenset[str]) -> dict[str, dict[str, str]]:
    kept = {e: {side: words for side, words in said.items() if side not in sides} for e, said in by_entry.items()}
    return {entry: said for entry, said in kept.items() if said}


def _side(setup: Setup, host: str, sides: dict[str, frozenset[str]]) -> Verdict:
    scenarios = [name for name, hosts in sides.items() if host in hosts]
    others = [one for one in neighbours(setup.watched, host) if one != host]
    names = ", ".join(others)
    words = f"{host} gets no answer from published ports of any other host, and {names} answer each other"
    cause = Cause(
        "ingress-side",
        words,
        f"look on {host} for what drops answers: rules for ESTABLISHED packets in INPUT, routes by which answers come"
        " another way, a full conntrack table (dmesg)",
    )
    protocols = [NAMES[name] for name in scenarios]
    return _verdict(host, cause, scenarios).model_copy(
        update={
            "subject": f"host {host}",
            "broken": frozenset(claims.door(host, other, protocol) for other in others for protocol in protocols),
            "needed": tuple(frozenset((claims.passage("answers", other, host),)) for other in others),
        }
    )


def _broken(
    entry: str, cause: Cause, scenarios: list[str], complaints: dict[str, dict[str, dict[str, str]]]
) -> frozenset[Claim]:
    """Return the ways that the cause closes: the entry for everybody, or for some sides."""
    protocols = [NAMES[scenario] for scenario in scenarios]
    closed = frozenset(claims.entry(entry, protocol) for protocol in protocols)
    if cause.name == "ingress-namespace":
        return closed | {claims.mesh_namespace(entry)}
    if cause.name in {"ingress-rules", "ingress-forward", "ingress-interface"}:
        return closed
    if cause.name in {"ingress-blocked", "ingress-outside"} and cause.status is Status.FAILED:
        sides = {(side, scenario) for scenario in scenarios for side in complaints[scenario][entry]}
        return frozenset(claims.door(side, entry, NAMES[scenario]) for side, scenario in sides)
    return frozenset()


def _needed(
    setup: Setup, answers: Answers, what: tuple[str, str], lost: list[str], scenarios: list[str]
) -> tuple[frozenset[Claim], ...]:
    """Return what the entry needed that somebody else may have proved broken."""
    entry, name = what
    if name == "ingress-task":
        return tuple(
            claims.mesh_exchange(setup, other, task) for task in lost for other in setup.watched if other != task
        )
    if name == "ingress-unknown":
        remote = unreached(setup, answers, entry, scenarios)
        return tuple(claims.mesh_exchange(setup, entry, task) for task in remote)
    rests = {
        "ingress-rules": claims.rules(entry, "nat"),
        "ingress-forward": claims.rules(entry, "filter"),
        "ingress-backends": claims.balancer(entry, claims.MESH),
    }
    return claims.each((rests[name],)) if name in rests else ()


def _asked(answers: Answers) -> set[str]:
    return {key for _, key in answers}


def _lost_everywhere(mesh: MeshService, complaints: Iterable[dict[str, dict[str, str]]]) -> frozenset[str]:
    """Return hosts whose task no entry reaches: then the task's host is the cause, not the entries."""
    said = [sides for by_entry in complaints for sides in by_entry.values()]
    return frozenset(
        host
        for host in mesh.backends.values()
        if len(said) > 1 and all(_names(words, host) for sides in said for words in sides.values())
    )


def _names(words: str, host: str) -> bool:
    return words.startswith("the task on ") and host in words.partition(" is never")[0][12:].split(", ")


def _causes(
    setup: Setup, answers: Answers, where: tuple[str, str], sides: dict[str, str], lost: frozenset[str]
) -> Iterable[Cause]:
    entry, protocol = where
    mesh = setup.mesh
    if mesh is None:
        return
    if lost:
        yield Cause(
            "ingress-task",
            f"no entry node reaches the task on {', '.join(sorted(lost))} through the routing mesh",
            "see what else is said about that host: the overlay 'ingress' does not carry to it, or its engine hangs",
        )
        return
    inside = {side: words for side, words in sides.items() if side != OPERATOR}
    broken = _on_the_way(answers, entry, protocol, mesh)
    if broken is not None and inside:
        yield broken
    elif set(inside) - {"localhost"}:
        yield _blocked(entry, inside)
    elif inside:
        yield Cause(
            "ingress-localhost",
            f"{entry} does not answer at 127.0.0.1: {inside['localhost']}; at its own address it does",
            "ask published ports by the host's address",
            Status.WARNING,
        )
    if OPERATOR in sides and not inside:
        yield _from_outside(setup, answers, entry, sides[OPERATOR])


def _on_the_way(answers: Answers, entry: str, protocol: str, mesh: MeshService) -> Cause | None:
    """Return the first thing that is missing between the entry's card and the overlay; None when all is there."""
    port = mesh.ports[protocol]
    nat, accepted, routes, table = (
        answers.get((entry, f"ingress/{key}")) for key in ("nat", "filter", "routes", "ipvs")
    )
    if routes is not None and "No such file" in str(routes.value.get("stderr")):
        return Cause(
            "ingress-namespace",
            f"{entry} is no entry: the routing mesh's own namespace (ingress_sbox) is gone",
            "restart the engine on it; if that does not help, drain the node, let it leave and join again",
        )
    if _said(routes) is not None and len(_devices(_said(routes) or "")) < DEVICES:
        return Cause(
            "ingress-interface",
            f"{entry} is no entry: the routing mesh's own namespace (ingress_sbox) has lost an interface or its routes",
            "restart the engine on it, which connects the namespace anew",
        )
    if (rules := _said(nat)) is not None and not is_published(rules, port, protocol):
        return Cause(
            "ingress-rules",
            f"{entry} is no entry: nat rules of {CHAIN} are missing, so published ports lead nowhere",
            f"{RESTART} leave Docker's chains alone",
        )
    if (rules := _said(accepted)) is not None and not _accepted(rules, port, protocol):
        return Cause(
            "ingress-forward",
            f"{entry} is no entry: rules of {CHAIN} that accept forwarded packets are missing",
            f"{RESTART} leave Docker's chains alone",
        )
    held = set().union(*backends_of(_said(table) or "")) if _said(table) is not None else None
    if held is not None and mesh.addresses and not set(mesh.addresses) <= held:
        return Cause(
            "ingress-backends",
            f"{entry} balances to too few tasks: its IPVS table for the mesh lacks some that run",
            "docker service update --force SERVICE renews the entries; restart the engine if they stay wrong",
        )
    return None


def _blocked(entry: str, inside: dict[str, str]) -> Cause:
    others = sorted(set(inside) - {entry, "localhost"})
    if entry in inside:
        detail = f"{entry} is no entry, not even for itself: {inside[entry]}"
        return Cause(
            "ingress-unknown",
            detail,
            "its rules and its namespace look right: see what is said about the overlays between the hosts first, then"
            " restart the engine",
        )
    detail = f"published ports of {entry} are blocked for {', '.join(others)}: {inside[others[0]]}; {entry} answers"
    return Cause(
        "ingress-blocked",
        f"{detail} itself",
        "look for rules that drop on the way in: DOCKER-USER and FORWARD on the host, firewalls and security groups"
        " between the hosts",
    )


def _from_outside(setup: Setup, answers: Answers, entry: str, words: str) -> Cause:
    """Judge an entry that answers all hosts but not the operator's machine."""
    opened, _ = outcomes(answers, OPERATOR, SSH)
    everyone = {host for sides in [failing(setup, answers, name) for name in NAMES] for host in sides}
    hidden = len(everyone) == len(setup.watched) or not opened.get(entry, {}).get("ok")
    return Cause(
        "ingress-outside",
        f"{entry} answers the other hosts but not this machine: {words}",
        "open the published ports on the way from here, or verify from where the clients are",
        Status.INCONCLUSIVE if hidden else Status.FAILED,
    )


def _verdict(entry: str, cause: Cause, scenarios: list[str]) -> Verdict:
    names: list[JsonValue] = [*sorted(set(scenarios))]
    return Verdict(
        scenario="mesh",
        subject="routing mesh" if entry == cause.name else f"entry {entry}",
        status=cause.status,
        detail=f"{cause.detail} ({', '.join(NAMES[name] for name in sorted(set(scenarios)))})",
        fix=cause.fix,
        evidence={"cause": cause.name, "host": entry, "scenarios": names},
    )


def _said(answer: Answer | None) -> str | None:
    """Return what a command printed, None when it was not asked or failed."""
    if answer is None or answer.problem is not None or answer.value.get("exit") != 0:
        return None
    return str(answer.value.get("stdout"))


def _devices(route_table: str) -> set[str]:
    return {line.split()[0] for line in route_table.splitlines()[1:] if line.strip()}


def _accepted(rules: str, port: int, protocol: str) -> bool:
    """Tell whether forwarded packets come to a rule that accepts the port; 28 goes there by DOCKER-FORWARD."""
    lines = rules.splitlines()
    mine = [line for line in lines if line.startswith(f"-A {CHAIN} ") and "-j ACCEPT" in line]
    reached, new = {"FORWARD"}, True
    while new:
        ways = {line.rsplit(" ", 1)[1] for line in lines if " -j " in line and line.split()[1] in reached}
        new = not ways <= reached
        reached |= ways
    return CHAIN in reached and any(f"--dport {port} " in line and f"-p {protocol} " in line for line in mine)
