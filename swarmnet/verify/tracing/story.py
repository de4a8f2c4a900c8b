"""The story of ``trace``: enter the containers of both ends, or the host that asks; ask in rounds, judge, clean up.

Where packets get lost on an overlay, verify looks at those hosts afterwards, for the cause.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmnet.errors import HostError, IncompleteError, UsageError
from swarmnet.model.events import Progress
from swarmnet.model.expectation import PartyKind
from swarmnet.model.standing import answered
from swarmnet.model.trace import Trace
from swarmnet.model.verification import Keep
from swarmnet.verify.probes.cleanup import Cleanup
from swarmnet.verify.probes.containers import ProbeContainers
from swarmnet.verify.probes.eligible import eligibility
from swarmnet.verify.probes.gather import Batches, Containers
from swarmnet.verify.probes.images import Images
from swarmnet.verify.probes.insiders import Insiders
from swarmnet.verify.probes.run import Gate, RunContext
from swarmnet.verify.scenario import Answers, Setup
from swarmnet.verify.story import VerifyOptions, verify
from swarmnet.verify.tracing.asking import ask, ask_published, look
from swarmnet.verify.tracing.closer import look_at, named
from swarmnet.verify.tracing.host_mode import where_to_ask
from swarmnet.verify.tracing.hosts import ask_from_host
from swarmnet.verify.tracing.paths import paths_of
from swarmnet.verify.tracing.sections import sections_of
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.model.expectation import Arrow
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState, Container
    from swarmnet.model.trace import Path
    from swarmnet.model.verification import ProbeKit
    from swarmnet.verify.probes.run import Run
    from swarmnet.verify.scenario import Question
    from swarmnet.verify.tracing.wish import TraceWish

ROUNDS = 6


def trace(ports: Ports, state: ClusterState, wish: TraceWish, *, kit: ProbeKit, run: Run) -> Trace:
    """Return the way from the source to the target, or what the source's containers see.

    Every trace of the run is removed at the end, also after a failure or an interrupt.

    Raises:
        UsageError: the source cannot ask.
        IncompleteError: no manager answers for the swarm.
    """
    answered(state, ports.inventory, hosts=())
    host = _asking_host(state, wish)
    context = RunContext(ports, kit, run, state, wish.timeout)
    images, gate = Images(context), Gate()
    cleanup = Cleanup(context, images, gate)
    eligible = eligibility(state, [host.name for host in ports.inventory.members])
    approaches = {host: ports.approach(host) for host in eligible.present}
    setup = Setup(state, (), run=run.id, approaches=approaches, expected=wish.expected)
    cleanup.sweep(eligible.present)
    notes: tuple[str, ...] = ()
    try:
        ports.listener(Progress("entering the containers of both ends"))
        entered = Insiders(context, images, gate).enter(wish.expected, eligible.present)
        aside = ProbeContainers(context, images, gate, ())
        watching = aside.watch(host)
        observers = tuple(aside.observers(watching).values())
        setup = replace(setup, ends=entered.ends, observers=observers, publishing=_publishing(ports, state, wish))
        batches = Batches(ports, run.id, Containers({}, watching.containers, {}, entered.containers))
        paths = _found(ports, batches, setup, wish)
    finally:
        notes = cleanup.clear(eligible.present, keep=Keep.AS_FOUND)
    if (look := look_at(state, paths)) is not None:
        ports.listener(Progress("verifying the hosts between which packets get lost"))
        options = VerifyOptions(look.scenarios, look.networks, look.hosts, settle=wish.settle, timeout=wish.timeout)
        found = verify(ports, state, options, kit=kit, run=run)
        paths = tuple(named(setup, one, found.verdicts) for one in paths)
        notes = (*notes, *found.notes)
    return Trace(
        cluster=ports.inventory.cluster,
        source=str(wish.source),
        target=", ".join(map(_typed, wish.arrows)),
        paths=paths,
        notes=notes,
    )


def _publishing(ports: Ports, state: ClusterState, wish: TraceWish) -> dict[tuple[str, int], tuple[Container, ...]]:
    """Return the running containers that hold the ports of hosts that are asked, as far as their engines say so."""
    if wish.source.has_tasks:
        return {}
    numbers: dict[str, list[int]] = {}
    for host, port in (place for arrow in wish.arrows for place in where_to_ask(state, arrow)):
        numbers.setdefault(host, []).append(port)

    def held(host: str) -> dict[int, tuple[Container, ...]]:
        boxes = {port: ports.engine(host).containers(publishing=port) for port in numbers[host]}
        return {port: tuple(one for one in several if one.running) for port, several in boxes.items()}

    found = fan_out(tuple(numbers), held)
    known = {host: several for host, several in found.items() if not isinstance(several, HostError)}
    return {(host, port): boxes for host, several in known.items() for port, boxes in several.items()}


def _typed(arrow: Arrow) -> str:
    """Return the target of an arrow as people type it: ``db:5432``."""
    return str(arrow).partition(" -> ")[2].replace("/32", "").replace(": ", ":")


def _asking_host(state: ClusterState, wish: TraceWish) -> tuple[str, ...]:
    """Return the host that asks itself, if one does.

    Raises:
        UsageError: the source cannot ask.
        IncompleteError: the host does not answer.
    """
    if wish.source.has_tasks or wish.source.kind is PartyKind.OPERATOR:
        return ()
    if wish.source.kind is not PartyKind.HOST or not wish.arrows:
        hint = "trace from a service, HOST/CONTAINER, a host with what it should reach, or operator"
        raise UsageError(f"{wish.source} cannot ask", hint=hint)
    if state.facts(wish.source.name) is None:
        raise IncompleteError(f"{wish.source} {state.silence(wish.source.name)}")
    return (wish.source.name,)


def _found(ports: Ports, batches: Batches, setup: Setup, wish: TraceWish) -> tuple[Path, ...]:
    """Return the ways to each target, one target after the other: they ask the same containers."""
    try:
        if not wish.arrows:
            source = str(wish.source)
            answers = _asked(ports, batches, wish, lambda _answers: look(setup, source))
            return sections_of(setup, answers, source)
        return tuple(path for arrow in wish.arrows for path in _ways(ports, batches, setup, wish, arrow))
    finally:
        batches.close()


def _ways(ports: Ports, batches: Batches, setup: Setup, wish: TraceWish, arrow: Arrow) -> tuple[Path, ...]:
    question = ask if wish.source.has_tasks else ask_published if arrow.target.has_tasks else ask_from_host
    answers = _asked(ports, batches, wish, lambda answers: question(setup, answers, arrow))
    return paths_of(setup, answers, arrow)


def _asked(
    ports: Ports, batches: Batches, wish: TraceWish, questions: Callable[[Answers], Sequence[Question]]
) -> Answers:
    answers: Answers = {}
    for _ in range(ROUNDS):
        new = [one for one in questions(answers) if (one.host, one.key) not in answers]
        if not new:
            break
        ports.listener(Progress("asking"))
        answers |= batches.ask(new, wish.settle)
    return answers
