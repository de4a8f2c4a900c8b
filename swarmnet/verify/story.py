"""The story of ``verify``: observe, start probes, ask in rounds, judge, remove everything again."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import IncompleteError, UsageError
from swarmnet.model.events import Progress
from swarmnet.model.expectation import PartyKind
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.plural import count
from swarmnet.model.topology import tasks_on
from swarmnet.model.verification import PROBE_LABEL, Keep, Verification
from swarmnet.verify.ends import parties_of
from swarmnet.verify.judge import judged, within_border
from swarmnet.verify.own import overlays_of
from swarmnet.verify.probes.eligible import eligibility
from swarmnet.verify.probes.free_addresses import rooms, unused
from swarmnet.verify.probes.gather import Batches
from swarmnet.verify.probes.run import RunContext
from swarmnet.verify.probes.starting import Start, StartPhase, in_order, start_of
from swarmnet.verify.scenario import Answers, Setup, Turn
from swarmnet.verify.timing import Timer
from swarmnet.verify.unanswered import unanswered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.expectation import Expectations
    from swarmnet.model.network import Network
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import Level, Phase, ProbeKit
    from swarmnet.verify.probes.free_addresses import Rooms
    from swarmnet.verify.probes.run import Run
    from swarmnet.verify.scenario import Question, Scenario

ROUNDS = 6
"""Follow-up questions end here, whatever a scenario still wants."""
TURNS = {
    Turn.FIRST: "asking between all hosts",
    Turn.QUIET: "measuring without other traffic",
    Turn.CAPTURE: "watching what leaves and enters the hosts",
}
"""What is reported as a turn begins."""
CLOSER = 2
"""The round of a turn in which scenarios ask more than once for the first time."""
NAMED = 5
"""Scenarios that are named as they look closer; of more, their number."""
SWIFT = 10
"""Networks that busy hosts ask about within the time that is given for one; more get more time."""
SETTLE = 10.0
"""Seconds in which a pair or name may still succeed: gossip needs a moment to carry new endpoints to every node."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the operator wants verified."""

    scenarios: tuple[Scenario, ...]
    networks: tuple[str, ...] = ()
    """Names; none means those of the services of which something is expected, else every overlay that swarmnet manages,
    or every one if it manages none."""
    hosts: tuple[str, ...] = ()
    """Hosts between which to test; none means all of the inventory."""
    expected: Expectations | None = None
    """What the playbook says of who may talk to whom."""
    keep: Keep = Keep.AS_FOUND
    """What becomes of the probe's image on the hosts."""
    level: Level | None = None
    """The level that the scenarios are of; None where they were chosen by name."""
    settle: float = SETTLE
    timeout: float = 60.0
    """Seconds for one wait of the start and of the end."""


def _aside(start: Start) -> str:
    """Return the title of what begins next to the probes."""
    found = [f"observers on {count(len(start.eligible.present), 'host')}"] if start.needs_observers() else []
    found += ["helpers in your containers' networks"] if start.needs_ends() or start.needs_own() else []
    found += ["counts in tasks behind UDP ports"] if start.needs_receivers() else []
    return f"starting {', '.join(found)}"


PHASES = (
    StartPhase("sweep", lambda _: "looking for what earlier runs left", run=Start.sweep),
    StartPhase(
        "control", lambda _: "making a plain overlay for comparison", run=Start.make_control, needed=Start.needs_control
    ),
    StartPhase("ways", lambda _: "finding the ways to the hosts", run=Start.find_ways),
    StartPhase("aside", _aside, run=Start.begin_aside, needed=Start.needs_aside),
    StartPhase(
        "probes",
        lambda start: f"starting probes on {count(len(start.eligible.able), 'host')}",
        run=Start.place_probes,
        needed=Start.needs_probes,
    ),
    # The engines start the tasks of both services, and what was begun aside, meanwhile.
    StartPhase(
        "services", lambda _: "creating the probe services", run=Start.begin_services, needed=Start.needs_services
    ),
    # Also where no probe came up: what keeps it away may be what an observer sees.
    StartPhase(
        "observers",
        lambda start: f"waiting for observers on {count(len(start.eligible.present), 'host')}",
        run=Start.await_observers,
        needed=Start.needs_observers,
    ),
    StartPhase(
        "inside",
        lambda _: "entering your containers' networks",
        run=Start.await_inside,
        needed=lambda start: start.needs_ends() or start.needs_own(),
    ),
    StartPhase(
        "receivers",
        lambda _: "entering the tasks behind UDP ports",
        run=Start.await_receivers,
        needed=Start.needs_receivers,
    ),
    StartPhase("service", lambda _: "waiting for the probe service", run=Start.await_service, needed=Start.has_service),
    StartPhase(
        "mesh", lambda _: "waiting for the published probe service", run=Start.await_mesh, needed=Start.has_mesh
    ),
)
"""How probes come up, in this order; what is not needed is left out."""


def verify(
    ports: Ports, state: ClusterState, wish: VerifyOptions, *, kit: ProbeKit, run: Run, before: tuple[Phase, ...] = ()
) -> Verification:
    """Prove that the networks work, and name the cause where they do not. Nothing starts where no manager answers.

    Every trace is removed at the end, also after a failure or an interrupt. ``before`` is how long the observation of
    the cluster took, which counts as part of the run.

    Raises:
        UsageError: a network that was asked for does not exist.
    """
    wish = replace(wish, scenarios=applicable(wish.scenarios, wish.expected))
    hosts = wish.hosts or tuple(host.name for host in ports.inventory.members)
    found = Verification(run=run.id, cluster=ports.inventory.cluster, hosts=hosts, phases=before, level=wish.level)
    lost = unanswered(state, ports.inventory, wish.scenarios)
    if lost:
        return found.model_copy(update={"verdicts": lost, "scenarios": tuple(one.name for one in wish.scenarios)})
    asked_for = chosen(state, wish.networks or _concerned(state, wish.expected))
    timer = Timer(ports, [*before])
    eligible = eligibility(state, hosts)
    space = rooms(state, asked_for, eligible.able)
    networks = tuple(net for net in asked_for if net not in space.crowded)
    served = frozenset(net.spec.name for net in space.whole)
    context = RunContext(ports, kit, run, state, wish.timeout)
    answers: Answers = {}
    notes: tuple[str, ...] = ()
    setup = Setup(
        state,
        networks,
        data_path_port=_port(state),
        run=run.id,
        tight={net.spec.name: _lack(space, net) for net in space.tight},
        crowded={net.spec.name: _lack(space, net) for net in space.crowded},
        unused=frozenset() if wish.networks else unused(state, asked_for),
        expected=wish.expected,
        overlays=overlays_of(state, asked_for, named=bool(wish.networks)),
    )
    if eligible.present and any(_needs_containers(one, setup) for one in wish.scenarios):
        start = start_of(context, setup, scenarios=wish.scenarios, eligible=eligible, served=served)
        try:
            start = _started(start, timer)
            setup = start.setup
            _ask(Batches(ports, run.id, start.containers, begun=timer.begun), setup, wish, answers, timer)
        finally:
            with timer.phase("clear", "removing the probes"):
                notes = start.clear(wish.keep)
            for note in notes:
                ports.listener(Progress(note))
    else:
        setup = replace(setup, probes=in_order(ports, (*eligible.unschedulable, *eligible.absent)))
    return found.model_copy(
        update={
            "networks": tuple(net.spec.name for net in asked_for),
            "phases": tuple(timer.phases),
            "notes": notes,
            "untested": tuple(net.spec.name for net in asked_for if net not in networks),
            "tasks": {net.spec.name: tasks_on(state, net.spec.name) for net in asked_for},
            **judged(setup, wish.scenarios, answers),
        }
    )


def applicable(scenarios: tuple[Scenario, ...], expected: Expectations | None) -> tuple[Scenario, ...]:
    """Return the scenarios that have something to do: some ask only what a playbook expects.

    Raises:
        UsageError: none has.
    """
    found = tuple(
        one for one in scenarios if not one.needs_ends or (expected is not None and one.is_expected(expected))
    )
    if not found:
        names = ", ".join(one.name for one in scenarios)
        raise UsageError(
            f"nothing is expected that {names} could ask",
            hint="give a playbook with a step 'expect', or with a 'check' of a service",
        )
    return found


def chosen(state: ClusterState, wanted: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks to test, in order of their names.

    Raises:
        UsageError: one of ``wanted`` does not exist, or is not an overlay.
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


def _concerned(state: ClusterState, expected: Expectations | None) -> tuple[str, ...]:
    """Return the overlays that the parties of a playbook are on; none without a playbook."""
    parties = parties_of(expected) if expected is not None else ()
    services = [state.service(party.name) for party in parties if party.kind is PartyKind.SERVICE]
    names = {place.network for one in services if one is not None for place in one.spec.networks or ()}
    known = [state.network(name) for name in sorted(names)]
    return tuple(one.spec.name for one in known if one and one.spec.driver == "overlay" and not one.spec.ingress)


def _needs_containers(one: Scenario, setup: Setup) -> bool:
    """Return whether a scenario has nothing to say unless something is started on the hosts."""
    if one.needs_ends or (one.needs_own and setup.overlays):
        return True
    return one.needs_probes and bool(setup.networks or not one.needs_networks)


def _lack(space: Rooms, network: Network) -> str:
    room = space.numbers[network.spec.name]
    return (
        f"{count(room.free, 'address is free', 'addresses are free')} there; probes take"
        f" {room.probes} (one a host, and one a node that has none yet"
        f" for its balancing), the probe service {room.service} more"
    )


def _port(state: ClusterState) -> int:
    return (state.swarm.spec.data_path_port if state.swarm else None) or 4789


def _started(start: Start, timer: Timer) -> Start:
    """Return the start after all of its phases, each run where it is needed."""
    for one in PHASES:
        if one.needed(start):
            with timer.phase(one.name, one.title(start)):
                start = one.run(start)
    return start


def _ask(batches: Batches, setup: Setup, wish: VerifyOptions, answers: Answers, timer: Timer) -> None:
    """Fill the answers, round by round, until no scenario asks more."""
    try:
        _ask_in_rounds(batches, setup, wish, answers, timer)
    finally:
        batches.close()


def _ask_in_rounds(batches: Batches, setup: Setup, wish: VerifyOptions, answers: Answers, timer: Timer) -> None:
    patience = wish.settle * max(1.0, len(setup.networks) / SWIFT)
    preconditions = {(one.host, one.key): one for scenario in wish.scenarios for one in scenario.preconditions(setup)}
    if preconditions:
        with timer.phase("preconditions", "looking at what kernels can do"):
            answers |= batches.ask(tuple(preconditions.values()), patience)
    rounds = itertools.count(1)
    for turn in Turn:
        asking = tuple(scenario for scenario in wish.scenarios if scenario.turn is turn)
        for nth in range(1, ROUNDS + 1):
            asked = _open_questions(asking, setup, answers)
            questions = {(one.host, one.key): one for several in asked.values() for one in several}
            if not questions:
                break
            with timer.phase(f"round {next(rounds)}", _title(turn, nth, [*asked])):
                answers |= batches.ask(tuple(questions.values()), patience)


def _title(turn: Turn, nth: int, names: Sequence[str]) -> str:
    """Return what to report of a round: of a turn, the first one, and the second with who asks more; else nothing."""
    if nth == 1:
        return TURNS[turn]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"looking closer: {', '.join(names[:NAMED])}{more}" if nth == CLOSER else ""


def _open_questions(scenarios: Sequence[Scenario], setup: Setup, answers: Answers) -> dict[str, tuple[Question, ...]]:
    """Return the questions without an answer of each of these scenarios that has any, by its name."""
    asked = {
        one.name: within_border(f"ask for {one.name}", partial(one.ask, setup, answers), lambda _why: ())
        for one in scenarios
    }
    left = {
        name: tuple(one for one in several if (one.host, one.key) not in answers) for name, several in asked.items()
    }
    return {name: several for name, several in left.items() if several}
