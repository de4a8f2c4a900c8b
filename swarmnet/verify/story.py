"""The story of ``verify``: observe, put probes up, ask in rounds, judge, take everything away again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError, IncompleteError, UsageError
from swarmnet.model.events import Progress
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.standing import answered
from swarmnet.model.verification import PROBE_LABEL, Phase, Verification
from swarmnet.verify.judge import judged, within_border
from swarmnet.verify.probes.eligible import Eligibility, eligibility
from swarmnet.verify.probes.free_addresses import rooms
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.probes.mesh_service import Publication
from swarmnet.verify.probes.probe_service import ServedProbes
from swarmnet.verify.probes.probes import Probes
from swarmnet.verify.scenario import Answers, Setup

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from swarmnet.model.network import Network
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import ProbeKit
    from swarmnet.verify.probes.free_addresses import Rooms
    from swarmnet.verify.probes.probes import Run
    from swarmnet.verify.scenario import Observer, OverlayProbe, Question, Scenario

ROUNDS = 6
"""Follow-up questions end here, whatever a scenario still wants."""
SWIFT = 10
"""Networks that busy hosts ask about within the time that is given for one; more get more time."""
SETTLE = 10.0
"""Seconds in which a pair or name may come right: gossip needs a moment to carry new endpoints to every node."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the operator wants verified."""

    scenarios: tuple[Scenario, ...]
    networks: tuple[str, ...] = ()
    """Names; none means every overlay that swarmnet manages, or every one if it manages none."""
    hosts: tuple[str, ...] = ()
    """Hosts between which to test; none means all of the inventory."""
    keep_image: bool = False
    settle: float = SETTLE
    timeout: float = 60.0
    """Seconds for one wait of the start and of the end."""


@dataclass(slots=True)
class _Timer:
    """Tells of phases as they begin, and keeps how long they took."""

    ports: Ports
    phases: list[Phase] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, text: str) -> Iterator[None]:
        self.ports.listener(Progress(text))
        begun = self.ports.clock.monotonic()
        try:
            yield
        finally:
            self.phases.append(Phase(name=name, seconds=round(self.ports.clock.monotonic() - begun, 3)))


def verify(
    ports: Ports, state: ClusterState, wish: VerifyOptions, *, kit: ProbeKit, run: Run, before: tuple[Phase, ...] = ()
) -> Verification:
    """Prove that the networks work, and name the cause where they do not.

    Every trace is removed at the end: also after a failure or an interrupt. ``before`` is how long the look at the
    cluster took: a part of the time that all of it took.

    Raises:
        UsageError: a network that was asked for does not exist.
        IncompleteError: nobody answers for the swarm, so that no probe can enter a network.
    """
    answered(state, ports.inventory, hosts=())
    asked_for = chosen(state, wish.networks)
    hosts = wish.hosts or tuple(host.name for host in ports.inventory.hosts)
    timer = _Timer(ports, [*before])
    eligible = eligibility(state, hosts)
    space = rooms(state, asked_for, eligible.able)
    networks = tuple(net for net in asked_for if net not in space.crowded)
    served = frozenset(net.spec.name for net in space.whole)
    probes = Probes(ports, kit, run, state, networks, wish.timeout, served)
    answers: Answers = {}
    notes: tuple[str, ...] = ()
    needs_probes = bool(eligible.present) and any(
        one.needs_probes and (networks or not one.needs_networks) for one in wish.scenarios
    )
    setup = Setup(
        state,
        networks,
        data_path_port=_port(state),
        run=run.id,
        tight={net.spec.name: _lack(space, net) for net in space.tight},
        crowded={net.spec.name: _lack(space, net) for net in space.crowded},
    )
    if needs_probes:
        try:
            setup = _start_probes(probes, setup, wish, eligible, timer)
            _ask(probes, setup, wish, answers, timer)
        finally:
            with timer.phase("clear", "removing the probes"):
                notes = probes.clear(eligible.present, keep_image=wish.keep_image)
            for note in notes:
                ports.listener(Progress(note))
    else:
        setup = replace(setup, probes=_in_order(ports, (*eligible.unschedulable, *eligible.absent)))
    return Verification(
        run=run.id,
        cluster=ports.inventory.cluster,
        networks=tuple(net.spec.name for net in asked_for),
        hosts=hosts,
        phases=tuple(timer.phases),
        notes=notes,
        **judged(setup, wish.scenarios, answers),
    )


def chosen(state: ClusterState, wanted: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks to test, in order of their names.

    Raises:
        UsageError: one of ``wanted`` does not exist, or is no overlay.
        IncompleteError: there is no swarm.
    """
    if wanted and state.swarm is None:
        why = "; ".join(f"{one.host}: {one.reason}" for one in state.failures) or "no host is in one"
        raise IncompleteError(f"no manager answers for a swarm ({why}): its networks cannot be looked up")
    overlays = {
        net.spec.name: net
        for net in state.networks
        if net.spec.driver == "overlay" and not net.spec.ingress and PROBE_LABEL not in net.spec.labels
    }
    for name in wanted:
        if name not in overlays:
            known = ", ".join(sorted(overlays)) or "none"
            raise UsageError(f"the swarm has no overlay network {name!r}", hint=f"its overlays: {known}")
    if wanted:
        return tuple(overlays[name] for name in sorted(set(wanted)))
    found = tuple(net for _, net in sorted(overlays.items()))
    return tuple(net for net in found if MANAGED_LABEL in net.spec.labels) or found


def _lack(space: Rooms, network: Network) -> str:
    room = space.told[network.spec.name]
    return (
        f"{room.free} addresses are free there; probes take {room.probes} (one a host, and one a node that has none yet"
        f" for its balancing), the probe service {room.service} more"
    )


def _port(state: ClusterState) -> int:
    return (state.swarm.spec.data_path_port if state.swarm else None) or 4789


def _in_order(ports: Ports, probes: Iterable[OverlayProbe]) -> tuple[OverlayProbe, ...]:
    order = {host.name: index for index, host in enumerate(ports.inventory.hosts)}
    return tuple(sorted(probes, key=lambda probe: order.get(probe.host, 0)))


def _start_probes(probes: Probes, setup: Setup, wish: VerifyOptions, eligible: Eligibility, timer: _Timer) -> Setup:
    """Return the setup with its probes and, where a scenario needs it, its service."""
    able, present = eligible.able, eligible.present
    with timer.phase("sweep", "looking for what earlier runs left"):
        probes.sweep(present)
    setup = _with_control(probes, setup, wish, timer)
    with timer.phase("probes", f"starting probes on {len(able)} hosts"):
        placed = probes.place(able)
    everywhere = _in_order(probes.ports, (*placed.values(), *eligible.unschedulable, *eligible.absent))
    observers: tuple[Observer, ...] = ()
    mesh, served = Publication(probes), ServedProbes(probes)
    up = tuple(host for host, probe in placed.items() if probe.problem is None)
    # The engines start the tasks of both services while observers are started.
    if up and any(scenario.needs_mesh for scenario in wish.scenarios):
        mesh.begin(up)
    if up and probes.served and any(scenario.needs_service for scenario in wish.scenarios):
        served.begin(up)
    if any(scenario.needs_observer for scenario in wish.scenarios):
        with timer.phase("observers", f"starting observers on {len(present)} hosts"):
            # Also where no probe came up: what keeps it away may be what an observer sees.
            found = {observer.host: observer for observer in probes.watch(present)}
            observers = tuple(found[host.name] for host in probes.ports.inventory.hosts if host.name in found)
    if served.hosts:
        with timer.phase("service", "waiting for the probe service"):
            served.wait()
    if mesh.nodes:
        with timer.phase("mesh", "waiting for the published probe service"):
            mesh.wait()
    return replace(
        setup,
        probes=everywhere,
        service=served.service,
        service_problem=served.problem,
        mesh=mesh.service,
        mesh_problem=mesh.problem,
        idle={**served.missing, **mesh.missing},
        approaches={host: probes.ports.approach(host) for host in present},
        observers=observers,
    )


def _with_control(probes: Probes, setup: Setup, wish: VerifyOptions, timer: _Timer) -> Setup:
    """Return the setup with a plain overlay of its own, where a scenario needs one and no tested network is plain."""
    has_encrypted = any(net.spec.encrypted for net in setup.networks)
    if setup.plain is not None or not has_encrypted or not any(one.needs_control for one in wish.scenarios):
        return setup
    with timer.phase("control", "making a plain overlay for comparison"):
        try:
            return replace(setup, control=probes.add_control())
        except (ConvergenceError, HostError) as error:
            return replace(setup, control_problem=str(error))


def _ask(probes: Probes, setup: Setup, wish: VerifyOptions, answers: Answers, timer: _Timer) -> None:
    """Fill the answers, round by round, until nobody asks more."""
    batches = Batches(
        probes.ports, probes.run.id, Containers(probes.containers, probes.observers, probes.task_containers)
    )
    try:
        _ask_in_rounds(batches, setup, wish, answers, timer)
    finally:
        batches.close()


def _ask_in_rounds(batches: Batches, setup: Setup, wish: VerifyOptions, answers: Answers, timer: _Timer) -> None:
    patience = wish.settle * max(1.0, len(setup.networks) / SWIFT)
    preconditions = {(one.host, one.key): one for scenario in wish.scenarios for one in scenario.preconditions(setup)}
    if preconditions:
        with timer.phase("preconditions", "looking at what kernels can do"):
            answers |= batches.ask(tuple(preconditions.values()), patience)
    rounds = count(1)
    for quiet in (False, True):
        asking = tuple(scenario for scenario in wish.scenarios if scenario.quiet is quiet)
        for _ in range(ROUNDS):
            questions = _open_questions(asking, setup, answers)
            if not questions:
                break
            number = next(rounds)
            text = "asking between all hosts" if number == 1 else "looking closer"
            with timer.phase(f"round {number}", text):
                answers |= batches.ask(questions, patience)


def _open_questions(scenarios: Sequence[Scenario], setup: Setup, answers: Answers) -> tuple[Question, ...]:
    """Return what these scenarios want to know and nobody has asked yet, each question once."""
    asked = [
        within_border(f"ask for {one.name}", partial(one.ask, setup, answers), lambda _why: ()) for one in scenarios
    ]
    wanted = {(one.host, one.key): one for questions in asked for one in questions}
    return tuple(question for place, question in wanted.items() if place not in answers)
