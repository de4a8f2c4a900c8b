"""Scenario: look-ups of names outside of the swarm get an answer at once: no container waits for a dead DNS server.

The engine's resolver hands what it does not know to the host's servers. One that is dead costs every container there
seconds for each look-up. A cluster without any way out may have none: that is not a fault, as long as nothing hangs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Answers, Findings, ProbeTask, Question, Scenario, Setup

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject

ANSWERED = ("no such name", "no address")
"""What a server says that knows: the name is in the domain ``invalid``, which is reserved (RFC 2606)."""
HANGS = 2000.0
"""Milliseconds from which containers notice."""
OUTSIDE = keys.targets("upstream")
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

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask on every host."""
        task: JsonObject = {"kind": "outside", "name": f"{setup.run or 'swarmnet'}.invalid", "limit": LIMIT}
        return tuple(ProbeTask(probe.host, OUTSIDE.name, task) for probe in setup.ready)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a failure for hosts on which names are not answered for that others get an answer for.

        Where no host gets one, the cluster may have no way out: that is not a fault, but hanging look-ups are reported.
        """
        by_host = {}
        for probe in setup.ready:
            outcome = outcomes(answers, probe.host, OUTSIDE)[0].get("outside")
            if outcome is not None:
                by_host[probe.host] = outcome
        if not by_host:
            return Findings((absence.unproved(setup, self.name, "hosts", "no probe could look up a name"),))
        fine = [host for host, one in by_host.items() if one.get("code") in ANSWERED]
        lost = [host for host in by_host if host not in fine]
        if not lost:
            detail = f"{len(fine)} hosts get an answer for names outside of the swarm"
            return Findings((self.verdict("hosts", Status.OK, detail),))
        slow = [host for host in lost if _milliseconds(by_host[host]) >= HANGS]
        words = {str(by_host[host].get("code") or by_host[host].get("why")) for host in lost}
        said = f"look-ups of names outside of the swarm fail on {', '.join(lost)} ({', '.join(sorted(words))})"
        if fine:
            verdict = self.verdict(
                _subject(lost),
                Status.FAILED,
                f"{said}; on {', '.join(fine)} they work",
                FIX,
                cause=CauseId.UPSTREAM_DNS,
            )
        elif slow:
            hangs = f"look-ups of names outside of the swarm fail on all hosts, and hang on {', '.join(slow)}"
            verdict = self.verdict(_subject(slow), Status.SKIPPED, f"{hangs} for {HANGS / 1000:g} s or longer", FIX)
        else:
            return Findings((self.verdict("hosts", Status.SKIPPED, f"{said}, and refused at once: nothing hangs"),))
        needed = tuple(frozenset((claims.resolver(host), claims.outwards(host))) for host in sorted(lost))
        evidence: JsonObject = {"cause": CauseId.UPSTREAM_DNS, "hosts": [*lost]}
        return Findings((verdict.model_copy(update={"needed": needed, "evidence": evidence}),))


def _subject(hosts: list[str]) -> str:
    return f"host{'s' if hosts[1:] else ''} {', '.join(hosts)}"


def _milliseconds(outcome: JsonObject) -> float:
    taken = outcome.get("ms")
    return float(taken) if isinstance(taken, (int, float)) else 0.0
