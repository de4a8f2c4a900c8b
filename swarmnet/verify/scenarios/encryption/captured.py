"""What the scenarios have in common that judge the sightings of encrypted overlays."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence
from swarmnet.verify.captures import UNENCRYPTED, cast, encrypted, sighted
from swarmnet.verify.scenario import PAIR, Answers, Findings, Question, Scenario, Scene

if TYPE_CHECKING:
    from swarmnet.model.network import Network


class SightedScenario(Scenario):
    """Asks for the sightings; judges nothing where no tested network is encrypted."""

    needs_witness: ClassVar[bool] = True
    needs_control: ClassVar[bool] = True
    quiet: ClassVar[bool] = True

    def ask(self, scene: Scene, answers: Answers) -> tuple[Question, ...]:
        """Ask witnesses to watch while probes send markers, and before and after."""
        return sighted(scene, answers)

    def judge(self, scene: Scene, answers: Answers) -> Findings:
        """Return the verdicts on the encrypted networks; skipped where there is none."""
        networks = encrypted(scene)
        if not networks:
            return Findings((self.verdict("networks", Status.SKIPPED, UNENCRYPTED),))
        if len(cast(scene)) < PAIR:
            told = (absence.untested(scene, self.name, f"network {net.spec.name}", absence.TOO_FEW) for net in networks)
            return Findings(tuple(told))
        return Findings(tuple(self.judge_networks(scene, answers, networks)))

    @abstractmethod
    def judge_networks(self, scene: Scene, answers: Answers, networks: tuple[Network, ...]) -> list[Verdict]:
        """Return the verdicts on these networks, of which there is at least one."""

    def verdict(self, subject: str, status: Status, detail: str) -> Verdict:
        """Return a verdict of this scenario."""
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail)
