"""Scenario: look-ups of names outside of the swarm get an answer at once: no container waits for a dead DNS server.

The engine's resolver hands what it does not know to the host's servers. One that is dead costs every container there
seconds for each look-up. A cluster without any way out may have none: that is not a fault, as long as nothing hangs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import (
    Answers,
    Findings,
    HostCommand,
    ProbeTask,
    Question,
    Scenario,
    Setup,
    in_steps,
)
from swarmnet.verify.scenarios.control.subnets import hiding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.base import JsonObject

ANSWERED = ("no such name", "no address")
"""What a server says that knows: the name is in the domain ``invalid``, which is reserved (RFC 2606)."""
HANGS = 2000.0
"""Milliseconds from which containers notice."""
OUTSIDE = keys.targets("upstream")
RESOLV = "/etc/resolv.conf"
RESOLVERS = keys.command("resolv.conf")
_SERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
LIMIT = 3.0
"""Seconds for the answer."""
FIX = (
    "check the nameservers in /etc/resolv.conf of these hosts (with systemd-resolved: /run/systemd/resolve/resolv.conf)"
    ' and "dns" in /etc/docker/daemon.json: containers get them when they start'
)


class UpstreamDns(Scenario):
    """One look-up on each host of a name that does not exist."""

    name: ClassVar[str] = "dns-upstream"
    summary: ClassVar[str] = "look-ups of names outside of the swarm get an answer at once"
    level: ClassVar[Level] = Level.FULL

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask on every host; where no answer comes, read which nameservers the host has."""
        task: JsonObject = {"kind": "outside", "name": f"{setup.run or 'swarmnet'}.invalid", "limit": LIMIT}
        return in_steps(
            answers,
            lambda: [ProbeTask(probe.host, OUTSIDE.name, task) for probe in setup.ready],
            lambda: [HostCommand(host, RESOLVERS.name, ("cat", RESOLV)) for host in _lost(_by_host(setup, answers))],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a failure for hosts on which names are not answered for that others get an answer for.

        Where no host gets one, the cluster may have no way out: that is not a fault, but hanging look-ups are reported.
        """
        by_host = _by_host(setup, answers)
        if not by_host:
            return Findings((absence.unproved(setup, self.name, "hosts", "no probe could look up a name"),))
        lost = _lost(by_host)
        fine = [host for host in by_host if host not in lost]
        if not lost:
            detail = f"{count(len(fine), 'host gets', 'hosts get')} an answer for names outside of the swarm"
            return Findings((self.verdict("hosts", Status.OK, detail),))
        slow = [host for host in lost if _milliseconds(by_host[host]) >= HANGS]
        words = {str(by_host[host].get("code") or by_host[host].get("why")) for host in lost}
        said = f"look-ups of names outside of the swarm fail on {', '.join(lost)} ({', '.join(sorted(words))})"
        servers = {host: _servers(answers, host) for host in lost}
        if fine:
            verdict = self.verdict(
                _subject(lost),
                Status.FAILED,
                f"{said}; on {', '.join(fine)} they work{''.join(_named(servers))}",
                FIX,
                cause=CauseId.UPSTREAM_DNS,
            )
        elif slow:
            hangs = f"look-ups of names outside of the swarm fail on all hosts, and hang on {', '.join(slow)}"
            verdict = self.verdict(_subject(slow), Status.SKIPPED, f"{hangs} for {HANGS / 1000:g} s or longer", FIX)
        else:
            return Findings((self.verdict("hosts", Status.SKIPPED, f"{said}, and refused at once: nothing hangs"),))
        names = [net.spec.name for net in setup.networks]
        needed = tuple(
            frozenset((claims.resolver(host), claims.outwards(host))) | hiding(setup, names, servers[host])
            for host in sorted(lost)
        )
        evidence: JsonObject = {
            "cause": CauseId.UPSTREAM_DNS,
            "hosts": [*lost],
            "servers": {host: [*several] for host, several in servers.items()},
        }
        return Findings((verdict.model_copy(update={"needed": needed, "evidence": evidence}),))


def _by_host(setup: Setup, answers: Answers) -> dict[str, JsonObject]:
    """Return what came of the look-up on each host that made one."""
    found = {probe.host: outcomes(answers, probe.host, OUTSIDE)[0].get("outside") for probe in setup.ready}
    return {host: outcome for host, outcome in found.items() if outcome is not None}


def _lost(by_host: Mapping[str, JsonObject]) -> list[str]:
    return [host for host, one in by_host.items() if one.get("code") not in ANSWERED]


def _servers(answers: Answers, host: str) -> tuple[str, ...]:
    read = RESOLVERS.read(answers, host)
    return tuple(_SERVER.findall(read.stdout)) if read is not None and read.succeeded else ()


def _named(servers: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the nameservers of hosts, those with the same ones together."""
    hosts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, several in servers.items():
        if several:
            hosts[several].append(host)
    for several, names in hosts.items():
        yield f"; {RESOLV} of {', '.join(names)} names {', '.join(several)}"


def _subject(hosts: list[str]) -> str:
    return f"host{'s' if hosts[1:] else ''} {', '.join(hosts)}"


def _milliseconds(outcome: JsonObject) -> float:
    taken = outcome.get("ms")
    return float(taken) if isinstance(taken, (int, float)) else 0.0
