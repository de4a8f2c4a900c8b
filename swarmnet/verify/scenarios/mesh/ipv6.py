"""Scenario: a published port asked by IPv6 answers or refuses at once; it never hangs.

The routing mesh is IPv4 only, but engines listen on the port for both families to keep it taken: a connection by IPv6
is accepted and never answered (moby#53091; seen on 20.10.24, 26.1.5 and 28.5.2, fixed in 29.8.0). No setting of those
engines changes that, so it is a warning that names the way around.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import absence, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import Answers, Findings, ObserverTask, Question, Scenario, Setup

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue

ADDRESS = "::1"
KNOCKED = keys.targets("mesh-ipv6")
LONGEST = 1.0
"""Seconds in which a refusal must have come."""


class MeshIpv6(Scenario):
    """One TCP connection on each host to its own published port by ``::1``."""

    name: ClassVar[str] = "mesh-ipv6"
    summary: ClassVar[str] = "a published port answers or refuses IPv6 connections at once"
    level: ClassVar[Level] = Level.FULL
    needs_mesh: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False
    needs_observer: ClassVar[bool] = True

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Knock once on every host."""
        if setup.mesh is None or "tcp" not in setup.mesh.ports:
            return ()
        door: list[JsonValue] = [ADDRESS, setup.mesh.ports["tcp"], "tcp"]
        task: JsonObject = {"kind": "knock", "targets": {"door": door}, "times": 0}
        return tuple(ObserverTask(host, KNOCKED.name, task) for host in setup.watched)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for the hosts where it hangs, else one for all."""
        if setup.mesh is None or "tcp" not in setup.mesh.ports:
            return Findings((absence.unpublished(setup, self.name, "mesh"),))
        hanging, fine, verdicts = [], [], []
        for host in setup.watched:
            found, problem = outcomes(answers, host, KNOCKED)
            outcome = found.get("door", {})
            took = outcome.get("longest")
            if problem or not outcome.get("tries"):
                verdicts.append(self.verdict(f"from {host}", Status.INCONCLUSIVE, problem or "was not asked"))
            elif not outcome.get("ok") and isinstance(took, (int, float)) and took >= LONGEST:
                hanging.append(host)
            else:
                fine.append(host)
        if hanging:
            detail = f"{', '.join(hanging)}: a published port accepts IPv6 connections and never answers"
            fix = "use IPv4 for published ports (127.0.0.1, not localhost), or upgrade to engine 29.8 (moby#53091)"
            verdict = self.verdict("mesh", Status.WARNING, detail, fix, cause=CauseId.IPV6_HANGS)
            verdicts.append(verdict.model_copy(update={"evidence": {**verdict.evidence, "hosts": [*hanging]}}))
        elif fine:
            detail = (
                f"{count(len(fine), 'node answers or refuses', 'nodes answer or refuse')} within {LONGEST:g} s by IPv6"
            )
            verdicts.append(self.verdict("mesh", Status.OK, detail))
        return Findings(tuple(verdicts))
