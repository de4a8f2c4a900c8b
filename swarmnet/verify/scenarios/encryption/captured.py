"""What the scenarios have in common that judge the captures of encrypted overlays."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence
from swarmnet.verify.captures import UNENCRYPTED, capture_questions, encrypted, observed_probes
from swarmnet.verify.scenario import PAIR, Answers, Findings, Question, Scenario, Setup, Turn

if TYPE_CHECKING:
    from swarmnet.model.network import Network


class SightedScenario(Scenario):
    """Asks for the captures; judges nothing where no tested network is encrypted."""

    needs_observer: ClassVar[bool] = True
    needs_control: ClassVar[bool] = True
    turn: ClassVar[Turn] = Turn.CAPTURE

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask observers to watch while probes send markers, and before and after."""
        return capture_questions(setup, answers)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return the verdicts on the encrypted networks; skipped where there is none."""
        networks = encrypted(setup)
        if not networks:
            return Findings((self.verdict("networks", Status.SKIPPED, UNENCRYPTED),))
        if len(observed_probes(setup)) < PAIR:
            untested = (
                absence.untested(setup, self.name, f"network {net.spec.name}", absence.TOO_FEW) for net in networks
            )
            return Findings(tuple(untested))
        return Findings(tuple(self.judge_networks(setup, answers, networks)))

    @abstractmethod
    def judge_networks(self, setup: Setup, answers: Answers, networks: tuple[Network, ...]) -> list[Verdict]:
        """Return the verdicts on these networks, of which there is at least one."""
