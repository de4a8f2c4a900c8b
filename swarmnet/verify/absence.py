"""Hosts without a probe: one verdict a cause, with what to do; what could not be proved for it follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId, Group
from swarmnet.verify.scenario import OverlayProbe

if TYPE_CHECKING:
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import Setup


@dataclass(frozen=True, slots=True)
class Absence:
    """A kind of reason for which a host has no probe."""

    cause: CauseId
    fix: str
    """What to do; ``{hosts}`` is who has it."""
    words: tuple[str, ...] = ()
    """What engines say of it, in lower case; none where the observation tells it."""
    is_final: bool = False
    """True where another attempt cannot end otherwise."""


TOO_FEW = "fewer than two hosts have a probe and an observer"
LONELY = "fewer than two hosts take containers: there is nothing to test between hosts"
BACK = "run verify again then (swarmnet status shows what answers)"
KINDS = (
    Absence(CauseId.DRAIN, "docker node update --availability active {hosts} lets it take containers again"),
    Absence(CauseId.PAUSE, "docker node update --availability active {hosts} lets it take containers again"),
    Absence(CauseId.UNREACHABLE, f"bring the host back (its network, sshd and docker); {BACK}"),
    Absence(CauseId.LOCKED, "unlock it first: swarmnet unlock"),
    Absence(
        CauseId.OTHER_SWARM,
        "take {hosts} out of the inventory; or, if that swarm is no longer needed, let it leave and join this one"
        " (swarmnet apply)",
    ),
    Absence(
        CauseId.UNLISTED,
        "its node was removed from this swarm, or the host is in another one: run docker swarm leave on {hosts}, then"
        " swarmnet apply with a playbook that has a swarm step",
    ),
    Absence(
        CauseId.LIVE_RESTORE,
        'set "live-restore": false in /etc/docker/daemon.json of {hosts}, restart docker there, then join it with'
        " swarmnet apply: engines with live restore refuse to be in a swarm",
    ),
    Absence(
        CauseId.NFTABLES,
        'set "firewall-backend": "iptables" in /etc/docker/daemon.json of {hosts}, restart docker there, then join it'
        " with swarmnet apply: engines that write rules of nftables refuse to be in a swarm",
    ),
    Absence(CauseId.NO_SWARM, "join {hosts} to the swarm: swarmnet apply with a playbook that has a swarm step"),
    Absence(
        CauseId.DISK_FULL,
        "free space where the engine of {hosts} keeps its data (df -h /var/lib/docker; docker system df shows what"
        " takes it)",
        ("no space left on device", "disk quota exceeded"),
        is_final=True,
    ),
    Absence(
        CauseId.SUBNET_FULL,
        "the subnet has no free address: remove tasks or containers that are not needed, or make the network again with"
        " a larger subnet",
        ("no available ip", "no available ipv4", "could not find an available ip", "no available addresses"),
        is_final=True,
    ),
    Absence(
        CauseId.ATTACH,
        "the managers gave the host no place on the network: see that it hears them (2377/tcp from {hosts} to all"
        " managers) and what they say (journalctl -u docker there)",
        ("attaching to network", "could not attach to network"),
    ),
    Absence(
        CauseId.IMAGE,
        "give the hosts the image, or a registry that they reach: --probe-image, or --probe-archive FILE",
        ("manifest unknown", "pull access denied", "no such image", "error pulling image"),
        is_final=True,
    ),
)
UNKNOWN = Absence(CauseId.PROBE, "see what the engine says: journalctl -u docker on {hosts}; run verify again then")


def cause_of(message: str) -> CauseId:
    """Return what an engine's own message means; an engine has no better word for it than its message."""
    said = message.lower()
    return next((kind.cause for kind in KINDS if any(word in said for word in kind.words)), UNKNOWN.cause)


def kind_of(probe: OverlayProbe) -> Absence:
    """Return the kind of a missing probe's reason: what is known of it, else what the engine's message means."""
    cause = probe.cause or cause_of(probe.problem or "")
    return next((kind for kind in KINDS if kind.cause is cause), UNKNOWN)


def explain(setup: Setup) -> tuple[Verdict, ...]:
    """Return one verdict for all hosts that have no probe for one reason; none where every host has its probe."""
    groups: dict[tuple[str, str], list[OverlayProbe]] = {}
    for probe in setup.probes:
        if probe.problem is not None:
            kind = kind_of(probe)
            reason = kind.cause if kind is not UNKNOWN else probe.problem
            groups.setdefault((kind.cause, reason), []).append(probe)
    return (*(_verdict(setup, probes) for probes in groups.values()), *_tasks(setup))


def _tasks(setup: Setup) -> tuple[Verdict, ...]:
    """Return one verdict for all hosts on which a task of the run's services did not run for one reason."""
    groups: dict[str, list[str]] = {}
    for host, why in setup.idle.items():
        groups.setdefault(why, []).append(host)
    found = []
    for why, hosts in groups.items():
        kind, names = kind_of(OverlayProbe(hosts[0], problem=why)), ", ".join(hosts)
        found.append(
            Verdict(
                scenario=Group.PROBE,
                subject=f"task on {names}",
                status=Status.INCONCLUSIVE,
                detail=f"no task of the probe service came to run on {names}: {why}; services were tested without it",
                fix=kind.fix.format(hosts=" ".join(hosts)),
                cause=kind.cause,
                evidence={"cause": kind.cause, "hosts": [*hosts]},
                needed=_managed(setup, hosts),
            )
        )
    return tuple(found)


def _verdict(setup: Setup, probes: list[OverlayProbe]) -> Verdict:
    kind, first = kind_of(probes[0]), probes[0]
    hosts = [one.host for one in probes]
    names = ", ".join(hosts)
    if first.excused:
        status, detail = Status.SKIPPED, f"{names} {first.problem}; nothing was tested from or to it"
    else:
        status = Status.INCONCLUSIVE
        detail = (
            f"no probe on {names}: {first.problem}; nothing was proved from or to {'it' if not hosts[1:] else 'them'}"
        )
    return Verdict(
        scenario=Group.PROBE,
        subject=f"host {names}" if len(hosts) == 1 else f"hosts {names}",
        status=status,
        detail=detail,
        fix=kind.fix.format(hosts=" ".join(hosts)),
        cause=kind.cause,
        evidence={"cause": kind.cause, "hosts": [*hosts]},
        broken=frozenset(place for host in hosts for place in (claims.probe(host), claims.observer(host))),
        needed=_managed(setup, hosts),
    )


def _managed(setup: Setup, hosts: list[str]) -> tuple[frozenset[Claim], ...]:
    """Return what the orders to these hosts, and their being done, needed."""
    return tuple(
        need | {claims.attach(host)}
        for host in hosts
        for need in (claims.managed(setup, host) or claims.each((claims.node(host),)))
    )


def needed(setup: Setup) -> tuple[frozenset[Claim], ...]:
    """Return what a check needed that could not begin: the probes that are missing; nothing where all are there."""
    missing = frozenset(claims.probe(one.host) for one in setup.probes if one.problem and not one.excused)
    return (missing,) if missing else ()


def untested(setup: Setup, scenario: str, subject: str, why: str) -> Verdict:
    """Return that a check between hosts could not begin: no fault where fewer than two are meant to carry a probe."""
    if setup.alone:
        return Verdict(scenario=scenario, subject=subject, status=Status.SKIPPED, detail=LONELY)
    return Verdict(scenario=scenario, subject=subject, status=Status.INCONCLUSIVE, detail=why, needed=needed(setup))


def unserved(setup: Setup, scenario: str) -> Verdict:
    """Return that a check had no probe service to ask."""
    if setup.networks and all(net.spec.name in setup.tight for net in setup.networks):
        detail = "no tested network has room for the probe service"
        return Verdict(scenario=scenario, subject="service", status=Status.SKIPPED, detail=detail)
    why = setup.service_problem or "the probe service was not started"
    return unproved(setup, scenario, "service", why)


def unpublished(setup: Setup, scenario: str, subject: str) -> Verdict:
    """Return that a check had no published probe service to ask."""
    return unproved(setup, scenario, subject, setup.mesh_problem or "no probe service was published")


def unproved(setup: Setup, scenario: str, subject: str, why: str) -> Verdict:
    """Return that nothing could be asked: for want of the probes that are missing."""
    if setup.probes and all(one.excused for one in setup.probes):
        detail = "no host takes tasks: all are drained or paused"
        return Verdict(scenario=scenario, subject=subject, status=Status.SKIPPED, detail=detail)
    return Verdict(scenario=scenario, subject=subject, status=Status.INCONCLUSIVE, detail=why, needed=needed(setup))
