"""All ordered pairs of hosts on every tested network: what ICMP, UDP and TCP have in common."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Cell, Level, Matrix, TcpStage
from swarmnet.verify import absence
from swarmnet.verify.kernels import ESP_TRIAL, neighbours, without_esp
from swarmnet.verify.keys import CHECKSUMS, ESP, HEARD, ICMP, TCP, UDP, outcomes
from swarmnet.verify.scenario import (
    Answers,
    Findings,
    HostCommand,
    ProbeTask,
    Question,
    Scenario,
    Setup,
)

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.network import Network
    from swarmnet.verify.keys import Key
    from swarmnet.verify.scenario import OverlayProbe


SECOND_LOOK = 5.0
"""Seconds for the pairs that failed at first."""
HOPELESS = 1.5
"""Seconds for pairs between which kernels that refused ESP cannot carry anything, however long they are asked."""


class MatrixScenario(Scenario):
    """Each probe asks every other one; where a pair fails, the next round looks at who heard whom and why not."""

    key: ClassVar[Key[dict[str, JsonObject]]]
    level: ClassVar[Level] = Level.QUICK

    def preconditions(self, setup: Setup) -> tuple[Question, ...]:
        """Ask whether kernels can encrypt, where a network is encrypted."""
        if not any(network.spec.encrypted for network in setup.networks):
            return ()
        return tuple(HostCommand(probe.host, ESP.name, ESP_TRIAL, sudo=True) for probe in setup.ready)

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask for all pairs; then, if some fail, what each probe heard."""
        incapable = without_esp(answers)
        questions: list[Question] = [
            ProbeTask(probe.host, self.key.on(network.spec.name).name, self._task(setup, probe, network, incapable))
            for probe in setup.ready
            for network in setup.networks
        ]
        if not all((question.host, question.key) in answers for question in questions):
            return tuple(questions)
        again = [question for probe in setup.ready for question in self._again(setup, answers, probe)]
        questions += again
        if any((question.host, question.key) not in answers for question in again):
            return tuple(questions)
        failing = {net.spec.name for net in setup.networks if self._fails(setup, answers, net.spec.name)}
        if failing:
            questions += [ProbeTask(probe.host, HEARD.name, {"kind": "heard"}) for probe in setup.ready]
            questions += [neighbours(probe.host) for probe in setup.ready]
            questions += [ProbeTask(probe.host, CHECKSUMS.name, {"kind": "counters"}) for probe in setup.ready]
        return tuple(questions)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a matrix a network, and a verdict for each where every pair is fine.

        Failed pairs get their verdicts from :func:`swarmnet.verify.causes.pairs.explain`, which sees all matrices.
        """
        matrices = tuple(self.matrix(setup, answers, network.spec.name) for network in setup.networks)
        return Findings(tuple(verdict for matrix in matrices for verdict in self._fine(setup, matrix)), matrices)

    def matrix(self, setup: Setup, answers: Answers, network: str) -> Matrix:
        """Return all pairs on one network; rows and columns without a probe are inconclusive."""
        cells: dict[str, dict[str, Cell]] = {}
        for source in setup.probes:
            found, problem = outcomes(answers, source.host, self.key.on(network))
            found |= outcomes(answers, source.host, self.key.on(network).again)[0]
            cells[source.host] = {
                target.host: self._cell(source, target, problem, found.get(target.host))
                for target in setup.probes
                if target.host != source.host
            }
        return Matrix(scenario=self.name, network=network, hosts=tuple(s.host for s in setup.probes), cells=cells)

    def identified(self, outcome: JsonObject, target: OverlayProbe) -> bool:
        """Return whether the answer came from the host that was asked."""
        return outcome.get("id") == (target.identity or target.host)

    def _task(self, setup: Setup, probe: OverlayProbe, network: Network, incapable: frozenset[str]) -> JsonObject:
        name = network.spec.name
        targets = {
            other.host: other.addresses[name]
            for other in setup.ready
            if other.host != probe.host and name in other.addresses
        }
        task: JsonObject = {"kind": self.key.name, "from": probe.host, "network": name, "targets": dict(targets)}
        if network.spec.encrypted and (probe.host in incapable or targets.keys() <= incapable):
            task["limit"] = HOPELESS
        return task

    def _again(self, setup: Setup, answers: Answers, probe: OverlayProbe) -> list[ProbeTask]:
        """Return a second question for the pairs that failed: with all asked at once, a busy host runs out of time."""
        incapable = without_esp(answers)
        found = []
        for net in setup.networks:
            key = self.key.on(net.spec.name)
            failed = {label for label, one in outcomes(answers, probe.host, key)[0].items() if not one.get("ok")}
            task = self._task(setup, probe, net, incapable)
            targets = task["targets"]
            if not failed or task.get("limit") == HOPELESS or not isinstance(targets, dict):
                continue
            few: JsonObject = {label: address for label, address in targets.items() if label in failed}
            found.append(ProbeTask(probe.host, key.again.name, {**task, "targets": few, "limit": SECOND_LOOK}))
        return found

    def _fails(self, setup: Setup, answers: Answers, network: str) -> bool:
        return Status.FAILED in self.matrix(setup, answers, network).counts()

    def _cell(
        self, source: OverlayProbe, target: OverlayProbe, problem: str | None, outcome: JsonObject | None
    ) -> Cell:
        without = source.problem or target.problem or problem
        if without:
            status = Status.SKIPPED if source.excused or target.excused else Status.INCONCLUSIVE
            return Cell(status=status, detail=without)
        if outcome is None or not outcome.get("tries"):
            return Cell(status=Status.INCONCLUSIVE, detail="was not asked")
        if not outcome.get("ok"):
            stage = _stage(outcome)
            words = f"{outcome.get('why')}{f' ({stage})' if stage else ''} after {outcome.get('tries')} tries"
            return Cell(status=Status.FAILED, detail=words, stage=stage)
        if not self.identified(outcome, target):
            detail = f"answered by {outcome.get('id')!r} instead: two containers use the address"
            return Cell(status=Status.FAILED, detail=detail)
        taken = outcome.get("ms")
        return Cell(status=Status.OK, milliseconds=float(taken) if isinstance(taken, (int, float)) else None)

    def _untested(self, setup: Setup, matrix: Matrix) -> list[str]:
        """Return what kept pairs of running probes from being tested; hosts without one have a verdict of their own."""
        up = {probe.host for probe in setup.ready}
        return [
            f"{source} -> {target}: {cell.detail}"
            for source, row in matrix.cells.items()
            for target, cell in row.items()
            if cell.status is Status.INCONCLUSIVE and {source, target} <= up
        ]

    def _fine(self, setup: Setup, matrix: Matrix) -> tuple[Verdict, ...]:
        cells = [c for row in matrix.cells.values() for c in row.values() if c.status is not Status.SKIPPED]
        subject = f"network {matrix.network}"
        if not cells:
            return (absence.untested(setup, self.name, subject, "there are no two probes to test between"),)
        untested = self._untested(setup, matrix)
        if untested:
            detail = f"{count(len(untested), 'ordered pair')} could not be tested: {untested[0]}"
            return (Verdict(scenario=self.name, subject=subject, status=Status.INCONCLUSIVE, detail=detail),)
        if any(cell.status is not Status.OK for cell in cells):
            return ()
        times = [cell.milliseconds for cell in cells if cell.milliseconds is not None]
        detail = f"all {len(cells)} ordered pairs answer" + (f", median {median(times):.2f} ms" if times else "")
        return (Verdict(scenario=self.name, subject=subject, status=Status.OK, detail=detail),)


def _stage(outcome: JsonObject) -> TcpStage | None:
    """Return how far a failed transfer came; None where the probe says nothing of it."""
    return next((stage for stage in TcpStage if stage == outcome.get("stage")), None)


class IcmpMatrix(MatrixScenario):
    """Ping between all ordered pairs: addresses, forwarding entries and the way there and back."""

    name: ClassVar[str] = "icmp"
    summary: ClassVar[str] = "every ordered pair of hosts exchanges ICMP echoes"
    key = ICMP

    def identified(self, _outcome: JsonObject, _target: OverlayProbe) -> bool:
        """Take any reply: the kernel answers, and knows no names."""
        return True


class UdpMatrix(MatrixScenario):
    """Datagrams between all ordered pairs, each with a nonce and the answering host's name."""

    name: ClassVar[str] = "udp"
    summary: ClassVar[str] = "every ordered pair of hosts exchanges UDP datagrams with a nonce"
    key = UDP


class TcpMatrix(MatrixScenario):
    """1 MiB between all ordered pairs: full-size packets, so a wrong MTU or a broken offload shows."""

    name: ClassVar[str] = "tcp"
    summary: ClassVar[str] = "every ordered pair of hosts transfers 1 MiB by TCP, checked by SHA-256"
    key = TCP
