"""What scenarios of the control plane have in common: they are judged from the observation alone."""

from __future__ import annotations

from typing import ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify.scenario import Answers, Question, Scenario, Scene


class ControlScenario(Scenario):
    """Asks nothing: what was observed is enough."""

    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False

    def ask(self, _scene: Scene, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing."""
        return ()

    def verdict(self, subject: str, status: Status, detail: str, fix: str | None = None) -> Verdict:
        """Return a verdict of this scenario."""
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail, fix=fix)
