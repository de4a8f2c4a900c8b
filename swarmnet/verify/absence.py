"""Hosts without a probe: one verdict for each cause, with what to do. What could not be proved follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.model.service import PublishMode
from swarmnet.model.verification import PROBE_LABEL
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
    """What to do; ``{hosts}`` becomes the names of the hosts."""
    words: tuple[str, ...] = ()
    """What engines write of it, in lower case; empty where the observation shows it."""
    is_final: bool = False
    """True where another attempt cannot succeed."""


TOO_FEW = "fewer than two hosts have a probe and an observer"
LONELY = "fewer than two hosts accept containers, so there is nothing to test between hosts"
BACK = "then run verify again (swarmnet status shows which hosts respond)"
KINDS = (
    Absence(CauseId.DRAIN, "to test it, run: docker node update --availability active {hosts}"),
    Absence(CauseId.PAUSE, "to test it, run: docker node update --availability active {hosts}"),
    Absence(CauseId.UNREACHABLE, f"check the host's power, network, sshd and Docker; {BACK}"),
    Absence(
        CauseId.CONTRADICTED,
        "look at {hosts} first: a machine that was copied with /var/lib/docker has the original's node; on the copy,"
        " stop Docker, remove /var/lib/docker/swarm and /etc/docker/key.json, start Docker, and join the copy with"
        " swarmnet apply",
    ),
    Absence(CauseId.LOCKED, "unlock its engine: swarmnet unlock"),
    Absence(
        CauseId.NO_MANAGER,
        "add a manager of the swarm that {hosts} are in to the inventory, with 'role: manager'; to have them in another"
        " swarm instead, run docker swarm leave there first",
    ),
    Absence(
        CauseId.OTHER_SWARM,
        "remove {hosts} from the inventory; or, if the other swarm is no longer needed, run docker swarm leave there"
        " and"
        " join this one (swarmnet apply)",
    ),
    Absence(
        CauseId.UNLISTED,
        "its node was removed from this swarm, or the host is in another one: run docker swarm leave on {hosts}, then"
        " run swarmnet apply with a playbook that has a swarm step",
    ),
    Absence(
        CauseId.LIVE_RESTORE,
        'set "live-restore": false in /etc/docker/daemon.json of {hosts}, restart Docker, then join it with'
        " swarmnet apply: engines with live restore refuse to be in a swarm",
    ),
    Absence(
        CauseId.NFTABLES,
        'set "firewall-backend": "iptables" in /etc/docker/daemon.json of {hosts}, restart Docker, then join it'
        " with swarmnet apply: engines with the nftables backend refuse to be in a swarm",
    ),
    Absence(CauseId.NO_SWARM, "join {hosts} to the swarm: swarmnet apply with a playbook that has a swarm step"),
    Absence(
        CauseId.DISK_FULL,
        "free disk space on {hosts} (df -h /var/lib/docker and docker system df show what takes it)",
        ("no space left on device", "disk quota exceeded"),
        is_final=True,
    ),
    Absence(
        CauseId.SUBNET_FULL,
        "the subnet has no free address: remove tasks or containers that you do not need, or recreate the network with"
        " a larger subnet",
        ("no available ip", "no available ipv4", "could not find an available ip", "no available addresses"),
        is_final=True,
    ),
    Absence(
        CauseId.NO_VXLAN,
        "load the kernel's module on {hosts} (modprobe vxlan); where there is none, install it"
        " (linux-modules-extra-raspi on Ubuntu for the Raspberry Pi) or use another kernel",
        ("error creating vxlan interface: operation not supported",),
        is_final=True,
    ),
    Absence(
        CauseId.LEFTOVER_VXLAN,
        "a VXLAN device with the VNI of the network is left on {hosts}, perhaps in a namespace: restart Docker there;"
        " if that is not enough, restart the host",
        ("error creating vxlan interface: file exists",),
    ),
    Absence(
        CauseId.ATTACH,
        "the managers gave the host no address on the network: check that 2377/tcp is open from {hosts} to all"
        " managers,"
        " and read their logs (journalctl -u docker)",
        ("attaching to network", "could not attach to network"),
    ),
    Absence(
        CauseId.IMAGE,
        "provide the image (--probe-archive FILE), or name one in a registry that the hosts reach (--probe-image)",
        ("manifest unknown", "pull access denied", "no such image", "error pulling image"),
        is_final=True,
    ),
)
UNKNOWN = Absence(CauseId.PROBE, "read the engine's log (journalctl -u docker on {hosts}), then run verify again")


def cause_of(message: str) -> CauseId:
    """Return what an engine's own message means; an engine has no better word for it than its message."""
    said = message.lower()
    return next((kind.cause for kind in KINDS if any(word in said for word in kind.words)), UNKNOWN.cause)


def kind_of(probe: OverlayProbe) -> Absence:
    """Return the kind of a missing probe's reason: what is known of it, else what the engine's message means."""
    cause = probe.cause or cause_of(probe.problem or "")
    return next((kind for kind in KINDS if kind.cause is cause), UNKNOWN)


def explain(setup: Setup) -> tuple[Verdict, ...]:
    """Return one verdict for all hosts that lack a probe for the same reason; none where every host has its probe."""
    groups: dict[tuple[str, str], list[OverlayProbe]] = {}
    for probe in setup.probes:
        if probe.problem is not None:
            kind = kind_of(probe)
            reason = kind.cause if kind is not UNKNOWN else probe.problem
            groups.setdefault((kind.cause, reason), []).append(probe)
    return (*(_verdict(setup, probes) for probes in groups.values()), *_tasks(setup))


def _tasks(setup: Setup) -> tuple[Verdict, ...]:
    """Return one verdict for all hosts on which a task of the run's services did not start for the same reason."""
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
                detail=f"no task of the probe service started on {names}: {why}; services were tested without it",
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
        status, detail = Status.SKIPPED, f"{names} {first.problem}; it was not tested"
    else:
        status = Status.INCONCLUSIVE
        detail = (
            f"no probe on {names}: {first.problem}; no connection from or to {'it' if not hosts[1:] else 'them'} was"
            " proved"
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
    """Return what orders to these hosts, and their execution, needed."""
    return tuple(
        need | {claims.attach(host)}
        for host in hosts
        for need in (claims.managed(setup, host) or claims.each((claims.node(host),)))
    )


def needed(setup: Setup) -> tuple[frozenset[Claim], ...]:
    """Return what a check needed that could not start: the missing probes; nothing where none is missing."""
    missing = frozenset(claims.probe(one.host) for one in setup.probes if one.problem and not one.excused)
    return (missing,) if missing else ()


def untested(setup: Setup, scenario: str, subject: str, why: str) -> Verdict:
    """Return the verdict on a check between hosts that could not start; fewer than two hosts to test is not a fault."""
    if setup.alone:
        return Verdict(scenario=scenario, subject=subject, status=Status.SKIPPED, detail=LONELY)
    return Verdict(scenario=scenario, subject=subject, status=Status.INCONCLUSIVE, detail=why, needed=needed(setup))


def unserved(setup: Setup, scenario: str) -> Verdict:
    """Return the verdict on a check that had no probe service to ask."""
    if setup.networks and all(net.spec.name in setup.tight for net in setup.networks):
        detail = "no tested network has room for the probe service"
        return Verdict(scenario=scenario, subject="service", status=Status.SKIPPED, detail=detail)
    why = setup.service_problem or "the probe service was not started"
    return unproved(setup, scenario, "service", why)


def unpublished(setup: Setup, scenario: str, subject: str) -> Verdict:
    """Return the verdict on a check that had no published probe service to ask."""
    if has_no_ingress(setup):
        detail = "the swarm has no ingress network"
        if not publishers(setup):
            return Verdict(scenario=scenario, subject=subject, status=Status.SKIPPED, detail=detail)
        verdict = Verdict(scenario=scenario, subject=subject, status=Status.INCONCLUSIVE, detail=detail)
        return verdict.model_copy(update={"needed": (frozenset((claims.ingress_network(),)),)})
    return unproved(setup, scenario, subject, setup.mesh_problem or "no probe service was published")


def has_no_ingress(setup: Setup) -> bool:
    """Return whether the swarm certainly has no network for the routing mesh."""
    return setup.state.swarm is not None and not any(
        net.spec.ingress and not net.is_copy for net in setup.state.networks
    )


def publishers(setup: Setup) -> list[str]:
    """Return the user's services that publish ports by the routing mesh."""
    return sorted(
        one.spec.name
        for one in setup.state.services
        if PROBE_LABEL not in one.spec.labels
        and any(port.mode is not PublishMode.HOST for port in one.spec.ports or ())
    )


def unproved(setup: Setup, scenario: str, subject: str, why: str) -> Verdict:
    """Return the verdict on a check that could not ask anything, because probes are missing."""
    if setup.probes and all(one.excused for one in setup.probes):
        detail = "no host accepts tasks: all are drained or paused"
        return Verdict(scenario=scenario, subject=subject, status=Status.SKIPPED, detail=detail)
    return Verdict(scenario=scenario, subject=subject, status=Status.INCONCLUSIVE, detail=why, needed=needed(setup))
