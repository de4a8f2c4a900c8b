"""Scenario: the swarm has one network for the routing mesh, without which no port is published on every node.

``swarm init`` makes it, an operator may remove it, and engines then refuse services that publish ports by the mesh, or
leave their tasks pending ("service needs ingress network, but no ingress network is present", 20.10 to 28.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import absence, claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Setup
from swarmnet.verify.scenarios.control.nodes import ControlScenario

if TYPE_CHECKING:
    from swarmnet.model.report import Verdict


class IngressNetwork(ControlScenario):
    """Exactly one network has the flag ``ingress``; none is a choice where no service publishes ports by the mesh."""

    name: ClassVar[str] = "ingress"
    summary: ClassVar[str] = "the swarm has one network for the routing mesh"
    level: ClassVar[Level] = Level.QUICK

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict; skipped where nothing needs the mesh, or no manager answered."""
        names = sorted(net.spec.name for net in setup.state.networks if net.spec.ingress and not net.is_copy)
        if setup.state.swarm is None:
            return Findings((self.verdict("mesh", Status.INCONCLUSIVE, "no manager lists the swarm's networks"),))
        if len(names) == 1:
            return Findings((self.verdict("mesh", Status.OK, f"network {names[0]} carries the routing mesh"),))
        if not names and not (users := absence.publishers(setup)):
            detail = "the swarm has no ingress network, and no service publishes ports by the routing mesh"
            return Findings((self.verdict("mesh", Status.SKIPPED, detail),))
        if names:
            detail = f"the swarm has {len(names)} ingress networks: {', '.join(names)}; nodes may use different ones"
            fix = f"remove the one that is too much: docker network rm {names[-1]}"
            return Findings((self._failed(detail, fix, []),))
        detail = f"the swarm has no ingress network: the published ports of {', '.join(users)} answer on no node"
        return Findings((self._failed(detail, "create it again (any name, any free subnet):", [_CREATE]),))

    def _failed(self, detail: str, fix: str, commands: list[str]) -> Verdict:
        verdict = self.verdict("mesh", Status.FAILED, detail, fix, cause=CauseId.NO_INGRESS)
        evidence = {**verdict.evidence, "commands": [*commands]}
        return verdict.model_copy(update={"evidence": evidence, "broken": frozenset((claims.ingress_network(),))})


_CREATE = "docker network create --driver overlay --ingress ingress"
