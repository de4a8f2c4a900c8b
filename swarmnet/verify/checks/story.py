"""The story of ``check``: start two containers on each host, ask in rounds, judge, remove everything again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.events import Progress
from swarmnet.model.plural import count
from swarmnet.model.ports import ContainerSpec
from swarmnet.model.report import Status
from swarmnet.model.verification import Keep, Verification
from swarmnet.verify.causes.consequences import traced
from swarmnet.verify.judge import within_border
from swarmnet.verify.probes import attempts
from swarmnet.verify.probes.cleanup import Cleanup, remove_containers
from swarmnet.verify.probes.containers import OBSERVER_CAPABILITIES
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.probes.images import Images
from swarmnet.verify.probes.run import LIFETIME, Gate, RunContext
from swarmnet.verify.scenario import Answers, Findings, Observer, Setup
from swarmnet.verify.timing import Timer
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.ports import Ports
    from swarmnet.model.report import Verdict
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import Matrix, Phase, ProbeKit
    from swarmnet.verify.planned import Planned
    from swarmnet.verify.probes.run import Run
    from swarmnet.verify.scenario import Question, Scenario

ROUNDS = 8
PATIENCE = 10.0
"""Seconds for the answers of one round."""
START_LIMIT = 30.0
"""Seconds for all attempts to start a container."""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the operator wants checked."""

    checks: tuple[Scenario, ...]
    planned: Planned
    hosts: tuple[str, ...]
    keep: Keep = Keep.AS_FOUND
    """What becomes of the image at the end."""
    timeout: float = 60.0
    """Seconds for one wait of the start and of the end."""


def check(
    ports: Ports, state: ClusterState, wish: CheckOptions, *, kit: ProbeKit, run: Run, before: tuple[Phase, ...] = ()
) -> Verification:
    """Return what is wrong with hosts before they are in a swarm, or in one.

    Every trace is removed at the end, also after a failure or an interrupt. ``before`` is how long the first look took.
    """
    timer = Timer(ports, [*before])
    context = RunContext(ports, kit, run, state, wish.timeout)
    images, gate = Images(context), Gate()
    cleanup = Cleanup(context, images, gate)
    present = tuple(facts.host for facts in state.hosts if facts.host in wish.hosts)
    setup = Setup(state, (), run=run.id, data_path_port=wish.planned.data_path_port, planned=wish.planned)
    answers: Answers = {}
    try:
        with timer.phase("containers", f"starting containers on {count(len(present), 'host')}"):
            cleanup.sweep(present)
            starts = _Starts(context, images, gate)
            setup, containers = starts.on(present, setup)
        _ask(Batches(ports, run.id, containers), setup, wish.checks, answers, timer)
    finally:
        with timer.phase("clear", "removing the containers"):
            notes = cleanup.clear(present, keep=wish.keep)
        for note in notes:
            ports.listener(Progress(note))
    verdicts, matrices = judged(setup, wish.checks, answers)
    return Verification(
        run=run.id,
        cluster=ports.inventory.cluster,
        hosts=wish.hosts,
        phases=tuple(timer.phases),
        notes=notes,
        verdicts=verdicts,
        matrices=matrices,
    )


def judged(
    setup: Setup, checks: Sequence[Scenario], answers: Answers
) -> tuple[tuple[Verdict, ...], tuple[Matrix, ...]]:
    """Return the verdicts of all checks, worst first, each with what it follows from; and their matrices."""
    found = [
        within_border(f"judge {one.name}", partial(one.judge, setup, answers), partial(_unclear, one)) for one in checks
    ]
    verdicts = traced(verdict for findings in found for verdict in findings.verdicts)
    return verdicts, tuple(matrix for findings in found for matrix in findings.matrices)


def _unclear(one: Scenario, why: str) -> Findings:
    return Findings((one.verdict("answers", Status.INCONCLUSIVE, why),))


@dataclass(frozen=True, slots=True)
class _Starts:
    """Starts an observer on each host's own network, and a container whose network namespace is for trials."""

    context: RunContext
    images: Images
    gate: Gate

    def on(self, hosts: tuple[str, ...], setup: Setup) -> tuple[Setup, Containers]:
        """Return the setup with the observers of these hosts, and the containers of those that run."""
        started = fan_out(hosts, self._both, listener=self.context.listener)
        observers, watching, trying = [], {}, {}
        for host in hosts:
            result = started[host]
            if isinstance(result, HostError):
                observers.append(Observer(host, problem=result.message))
                continue
            watching[host], trying[host] = result
            address = setup.planned.address(host, is_data=True) if setup.planned else ""
            observers.append(Observer(host, address))
        return replace(setup, observers=tuple(observers)), Containers(trying, watching, {})

    def _both(self, host: str) -> tuple[str, str]:
        with self.gate.starting(host):
            self.images.bring(host)
            return self._start(host, "observer", host_network=True), self._start(host, "trial", host_network=False)

    def _start(self, host: str, what: str, *, host_network: bool) -> str:
        context, engine = self.context, self.context.ports.engine(host)
        spec = ContainerSpec(
            name=f"swarmnet-{what}-{context.run.id}",
            image=context.kit.reference,
            argv=(*context.kit.argv, "observe", json.dumps({"lifetime": LIFETIME})),
            labels=context.labels(),
            capabilities=OBSERVER_CAPABILITIES,
            host_network=host_network,
            interactive=True,
        )
        return attempts.start(
            context.ports.clock,
            engine,
            spec,
            timeout=min(START_LIMIT, context.timeout),
            remove=lambda name: remove_containers(context, engine, named=name),
        )


def _ask(batches: Batches, setup: Setup, checks: Sequence[Scenario], answers: Answers, timer: Timer) -> None:
    """Fill the answers, round by round, until no check asks more."""
    try:
        for number in range(1, ROUNDS + 1):
            asked = [
                within_border(f"ask for {c.name}", partial(c.ask, setup, answers), lambda _why: ()) for c in checks
            ]
            wanted: dict[tuple[str, str], Question] = {(one.host, one.key): one for part in asked for one in part}
            questions = tuple(question for place, question in wanted.items() if place not in answers)
            if not questions:
                break
            with timer.phase(f"round {number}", "asking all hosts" if number == 1 else ""):
                answers |= batches.ask(questions, PATIENCE)
    finally:
        batches.close()
