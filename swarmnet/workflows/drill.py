"""The story of a drill: a backup is restored where nothing depends on it, proved, compared with what came back.

The same restore as at 3 a.m., and then one question more: is every difference between the backup and a fresh look at
the restored cluster among the announced ones? A difference that nothing announces fails the drill.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.errors import ConflictError, NotFoundError, RefusedError, SwarmnetError
from swarmnet.model.clock import look_until
from swarmnet.model.events import ActionFinished, ActionStarted, Progress
from swarmnet.model.report import Status
from swarmnet.model.verification import Phase
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.describe import document
from swarmnet.plan.recovery.rehearsal import occupied, sort, volumes_of
from swarmnet.plan.reset import reset
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.backup import compare, undisturbed
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.restore import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.drill import DrillReport
    from swarmnet.model.events import Event, Listener
    from swarmnet.model.plan import Skip
    from swarmnet.model.ports import Ports
    from swarmnet.model.restore_report import RestoreReport
    from swarmnet.model.state import ClusterState
    from swarmnet.model.verification import Verification
    from swarmnet.workflows.apply import Terms
    from swarmnet.workflows.restore import Restore

CLEARS = 60.0
"""Seconds for engines to end the containers of a swarm that they left, and so to let go of their volumes."""
FAMILIES = ("swarm", "node", "network", "endpoint", "config", "secret", "volume", "container", "service")
"""Kinds of actions in the order of the report; what is of none of them is ``other``."""


@dataclass(slots=True)
class Course:
    """Passes events on, and remembers when actions ran: the parts of the recovery time."""

    listener: Listener
    monotonic: Callable[[], float]
    open_: dict[str, float] = field(default_factory=dict)
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def __call__(self, event: Event) -> None:
        """Take one event; actions report from several threads, each one its own target."""
        now = self.monotonic()
        if isinstance(event, ActionStarted):
            self.open_[event.target] = now
        elif isinstance(event, ActionFinished):
            begun = self.open_.pop(event.target, now)
            family = event.kind.partition(".")[0]
            self.spans[family if family in FAMILIES else "other"].append((begun, now))
        self.listener(event)

    def phases(self) -> Iterator[Phase]:
        """Yield how long actions of each kind ran; those that ran at the same time count once."""
        for family in (*FAMILIES, "other"):
            if spans := self.spans.get(family):
                yield Phase(name=family, seconds=round(_covered(spans), 3))


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    total, end = 0.0, float("-inf")
    for begun, ended in sorted(spans):
        total += max(0.0, ended - max(begun, end))
        end = max(end, ended)
    return total


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is rehearsed."""

    backup: BackupDocument
    """As it was opened: what came back is compared with this."""
    restore: Restore
    """What is restored: the backup, or what a lab can run of it."""
    skips: tuple[Skip, ...] = ()
    """What differs between the two, announced."""
    clears: bool = False
    """True for hosts that are cleared again, which a lab's are not: it is taken down."""
    opened: float = 0.0
    """Seconds that reading and opening the sealed file took."""


def rehearse(
    ports: Ports,
    rehearsal: Rehearsal,
    terms: Callable[[], Terms],
    *,
    blank: DrillReport,
    prove: Callable[[ClusterState], Verification],
    course: Course,
) -> DrillReport:
    """Restore onto empty hosts, prove by traffic, compare, clear the hosts where that is asked for, and report.

    Args:
        ports: the world, whose events go through ``course``.
        rehearsal: what is restored, and what it is compared with.
        terms: makes consent, operator and stop, for the restore and for the clearing.
        blank: the report with what is known before: backup, hosts, times.
        prove: verifies the networks of the state that it gets.
        course: what has heard the events.

    Raises:
        RefusedError: the hosts are not empty; nothing was changed.
    """
    begun = ports.clock.monotonic()
    refuse_occupied(observe(ports, RECORDED))
    blank = blank.model_copy(update={"recovery": ports.clock.monotonic() - begun})
    try:
        filled = _restored(ports, rehearsal, terms(), blank, prove, course)
        if not (filled.interrupted or filled.failed):
            filled = _compared(ports, rehearsal, terms(), filled)
    except BaseException:
        if rehearsal.clears:
            clear(ports, terms(), rehearsal.backup)
        raise
    if not rehearsal.clears:
        return filled
    return filled.model_copy(update={"left_behind": clear(ports, terms(), rehearsal.backup)})


def _restored(
    ports: Ports,
    rehearsal: Rehearsal,
    terms: Terms,
    blank: DrillReport,
    prove: Callable[[ClusterState], Verification],
    course: Course,
) -> DrillReport:
    """Restore and verify, and report both with their times; what ends the restore is what failed."""
    clock = ports.clock
    begun = clock.monotonic()
    proofs: list[tuple[Verification, float]] = []

    def timed(state: ClusterState) -> Status:
        started = clock.monotonic()
        proofs.append((prove(state), clock.monotonic() - started))
        return proofs[0][0].status

    try:
        ended = run(ports, rehearsal.restore, terms, permissions=Permissions(), prove=timed)
        outcome = _of_restore(ended)
    except SwarmnetError as error:
        outcome = {"failed": error.lines}
    took, parts = clock.monotonic() - begun + blank.recovery, tuple(course.phases())
    verifying = sum(seconds for _proof, seconds in proofs)
    planning = max(0.0, took - verifying - sum(one.seconds for one in parts))
    phases = (
        Phase(name="open", seconds=round(rehearsal.opened, 3)),
        Phase(name="look and plan", seconds=round(planning, 3)),
        *parts,
        *(Phase(name="verify", seconds=round(seconds, 3)) for _proof, seconds in proofs),
    )
    return blank.model_copy(
        update={
            "phases": phases,
            "recovery": round(rehearsal.opened + took, 3),
            "findings": tuple(text for proof, _seconds in proofs for text in _findings(proof)),
            **outcome,
        }
    )


def _of_restore(ended: RestoreReport) -> dict[str, object]:
    return {
        "restored": ended.restored,
        "failed": (*ended.failed, *(f"not begun: {target}" for target in ended.not_begun)),
        "verified": ended.verified,
        "losses": ended.losses,
        "missing": ended.missing,
        "interrupted": ended.interrupted,
    }


def _findings(proof: Verification) -> Iterator[str]:
    for verdict in proof.verdicts:
        if verdict.status in (Status.FAILED, Status.INCONCLUSIVE):
            yield f"{verdict.status}: {verdict.scenario}: {verdict.subject}: {verdict.detail}"


def _compared(ports: Ports, rehearsal: Rehearsal, terms: Terms, filled: DrillReport) -> DrillReport:
    """Look again, as a backup does, and sort what differs."""
    ports.listener(Progress("comparing what came back with the backup"))
    try:
        state = undisturbed(ports, RECORDED, terms.operator)
    except SwarmnetError as error:
        return filled.model_copy(update={"unseen": (f"the restored cluster: {error}",)})
    fresh = document(
        state,
        cluster=ports.inventory.cluster,
        backup_id=rehearsal.backup.id,
        created=ports.clock.now(),
        tool=rehearsal.backup.tool,
    )
    found = rehearsal.restore.restoration(fresh.state)
    hosts = {old: new for old, new in found.hosts.items() if fresh.state.facts(new) is not None}
    drift = compare(rehearsal.backup, fresh, hosts, hosts=frozenset(hosts.values()))
    seen = sort(drift, found, rehearsal.skips)
    return filled.model_copy(
        update={
            "compared": True,
            "lost": seen.lost,
            "explained": seen.explained,
            "unseen": (*seen.unseen, *(f"{one.host}: {one.reason}" for one in state.failures)),
            "engines": fresh.engines,
        }
    )


def refuse_occupied(state: ClusterState) -> None:
    """Return where hosts are spare ones.

    Raises:
        RefusedError: one is in a swarm, holds something, or does not answer.
    """
    silent = tuple(f"{failure.host} {failure.trouble}: {failure.reason}" for failure in state.failures)
    if held := (*occupied(state), *silent):
        raise RefusedError(
            "a drill needs spare hosts, which are in no swarm and hold nothing:",
            details=(f"- {text}" for text in held),
            hint="nothing was changed; name other hosts. Where an interrupted drill left this:"
            " swarmnet reset -i FILE, then docker volume rm for its volumes",
        )


def clear(ports: Ports, terms: Terms, document: BackupDocument) -> tuple[str, ...]:
    """Take down what a drill of this backup made on spare hosts, and return what is left there, in words.

    Its volumes go, too: the hosts had none before, and what the backup names was made by the drill.
    """
    goal = Goal(
        make_plan=lambda state: reset(state, ports.inventory),
        look=RECORDED,
        permissions=Permissions(allow_missing=True, dissolve=True),
        command="drill: taking it down",
    )
    ports.listener(Progress("taking down what the drill made"))
    made = volumes_of(document)

    def again() -> ClusterState:
        state = observe(ports, RECORDED)
        for facts in state.hosts:
            for volume in facts.volumes or ():
                if volume.spec.name in made:
                    with suppress(NotFoundError, ConflictError):  # a task that is ending uses it: the next look asks
                        ports.engine(facts.host).volumes.remove(volume.id)
        return observe(ports, RECORDED)

    try:
        ended = apply(ports, goal, terms)
        left = [f"{one.target}: {one.error}" for one in ended.outcomes if one.error is not None]
        state = look_until(ports.clock, again, lambda seen: not occupied(seen), limit=CLEARS, every=1.0)
    except SwarmnetError as error:
        return (f"the hosts could not be cleared: {error}",)
    return (*left, *occupied(state), *(f"{one.host} {one.trouble}: {one.reason}" for one in state.failures))
