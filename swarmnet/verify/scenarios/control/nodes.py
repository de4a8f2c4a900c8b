"""What scenarios of the control plane have in common: they are judged from the observation alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Claim, Status
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answers, Findings, Question, Scenario, Setup

if TYPE_CHECKING:
    from swarmnet.model.swarm import Node


class ControlScenario(Scenario):
    """Asks nothing: what was observed is enough."""

    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False

    def ask(self, _setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing."""
        return ()


class NodesReady(ControlScenario):
    """Every node of the swarm is ready, and managers reach each other."""

    name: ClassVar[str] = "nodes"
    summary: ClassVar[str] = "every node is ready, every manager reachable"
    level: ClassVar[Level] = Level.QUICK

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for all, or one for each node that is not healthy."""
        nodes = setup.state.nodes
        names = {found.id: one.host for one in setup.probes if (found := setup.state.node_of(one.host)) is not None}
        bad = [
            self.verdict(
                f"node {node.name}",
                Status.FAILED,
                f"node {node.name} ({node.address or 'no address'}) is {node.status}"
                + (f", as a manager {node.reachability}" if node.reachability not in (None, "reachable") else ""),
                "check its engine (systemctl status docker), and that 2377/tcp is open from it to all managers",
                cause=CauseId.NODE_DOWN,
            ).model_copy(update={"broken": _stopped(node, names), "needed": _needed(setup, names.get(node.id))})
            for node in nodes
            if node.status != "ready" or node.reachability not in (None, "reachable")
        ]
        if not nodes:
            bad = [self.verdict("cluster", Status.INCONCLUSIVE, "no manager lists any node")]
        return Findings(
            tuple(bad)
            or (self.verdict("cluster", Status.OK, f"{count(len(nodes), 'node is ready', 'nodes are ready')}"),)
        )


def _stopped(node: Node, names: dict[str, str]) -> frozenset[Claim]:
    """Return the claim that is broken where a node does not run anything; a node that is ready does."""
    if node.status == "ready" or node.id not in names:
        return frozenset()
    return frozenset((claims.node(names[node.id]),))


def _needed(setup: Setup, host: str | None) -> tuple[frozenset[Claim], ...]:
    """Return what a node's word to each manager needed of the underlay."""
    return tuple(need - {claims.node(host)} for need in claims.managed(setup, host)) if host else ()
