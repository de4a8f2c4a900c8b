"""Scenario: the tasks of the user's services run; of those that do not, the engine's own words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.printable import without_ids
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import RUNNING_NOW
from swarmnet.verify.own import by_service, is_changing, own_services, running
from swarmnet.verify.scenario import OPERATOR, Answers, Findings, Question, Scenario, SwarmTask
from swarmnet.verify.scenarios.mesh.published import taken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.model.service import Service, Task
    from swarmnet.verify.scenario import Setup

SHOWN = 10
"""Tasks in the evidence of one verdict."""


class Standing(IntEnum):
    """What becomes of one place of a service: a slot, or a node; the best that any of its tasks comes to."""

    RUNS = 0
    ENDED = 1
    """Its program came to its end, and is not started again."""
    STARTS = 2
    WAITS = 3
    FAILED = 4
    REJECTED = 5


CAUSES = {
    Standing.REJECTED: (CauseId.TASK_REJECTED, "cannot start"),
    Standing.FAILED: (CauseId.TASK_FAILED, "end"),
    Standing.WAITS: (CauseId.TASK_WAITS, "wait for a node or an address"),
}
"""What is wrong with a place, and what its tasks do, in words."""


HALTED = {"paused": "the update of", "rollback_paused": "the rollback of"}
"""An engine's words for an update that goes on only when someone asks for it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a service that does not simply run."""

    standing: Standing
    task: Task
    """The task that shows it."""


class OwnTasks(Scenario):
    """What managers say of every task."""

    name: ClassVar[str] = "own-tasks"
    summary: ClassVar[str] = "every task of your services runs"
    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Look at the managers' list again where a task runs that may end soon, or does not run yet and soon may."""
        tasks = by_service(setup.state.tasks)
        mine = ((service, tasks.get(service.id, ())) for service in own_services(setup.state))
        doubtful = any(
            _failed_before(service, several) or any(one.standing in _PASSING for one in places_of(service, several))
            for service, several in mine
        )
        return (SwarmTask(RUNNING_NOW.name),) if doubtful else ()

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a verdict for each service whose tasks do not all run, and one for all others."""
        tasks = by_service(setup.state.tasks)
        verdicts: list[Verdict] = []
        idle: list[str] = []
        fine = counted = 0
        for service in own_services(setup.state):
            mine = tasks.get(service.id, [])
            now = (RUNNING_NOW.read(answers, OPERATOR) or {}).get(service.id, frozenset())
            places = places_of(service, mine, now)
            bad = [one for one in (*places, *_ended_since(service, mine, answers)) if one.standing in CAUSES]
            late = _lateness(service, places)
            verdicts += self._halted(service)
            if bad:
                verdicts.append(self._failed(setup, service, bad, len(places)))
            elif late:
                found = self.verdict(f"service {service.spec.name}", Status.INCONCLUSIVE, late)
                verdicts.append(found.model_copy(update={"broken": frozenset({claims.tasks(service.spec.name)})}))
            elif any(one.standing is Standing.RUNS for one in places):
                fine, counted = fine + 1, counted + sum(one.standing is Standing.RUNS for one in places)
            else:
                idle.append(f"{service.spec.name} ({_why_idle(service, places)})")
        if fine:
            detail = f"{count(counted, 'task')} of {count(fine, 'service')} run"
            verdicts.append(self.verdict("services", Status.OK, detail))
        if idle:
            verdicts.append(self.verdict("idle services", Status.SKIPPED, f"nothing runs of {', '.join(idle)}"))
        if not verdicts:
            verdicts.append(self.verdict("services", Status.SKIPPED, "there is no service"))
        return Findings(tuple(verdicts))

    def _halted(self, service: Service) -> list[Verdict]:
        """Return a warning where an update is stuck; what its tasks do may be the reason."""
        name, state = service.spec.name, service.update_state
        if state not in HALTED:
            return []
        detail = f"{HALTED[state]} {name} is stuck ({without_ids(service.update_message or state)}): some of its"
        made = self.verdict(
            f"service {name}",
            Status.WARNING,
            f"{detail} tasks may run the old version, and others the new one",
            f"put right what it says, then run docker service update --force {name}; or docker service rollback {name}",
            cause=CauseId.UPDATE_PAUSED,
        )
        return [made.model_copy(update={"needed": claims.each({claims.tasks(name)})})]

    def _failed(self, setup: Setup, service: Service, bad: list[Place], places: int) -> Verdict:
        name, worst = service.spec.name, max(one.standing for one in bad)
        cause, what = CAUSES[worst]
        shown = [one.task for one in bad if one.standing is worst]
        where = sorted({_host(setup, task) for task in shown if task.node_id})
        said = sorted({words for task in shown if (words := without_ids(task.message))})
        on = f" on {', '.join(where)}" if where else ""
        detail = f"{len(bad)} of {places} tasks {what}{on}: {said[0] if said else shown[0].state}"
        evidence: JsonObject = {
            "cause": cause,
            "tasks": [
                {
                    "task": one.task.called(name),
                    "host": _host(setup, one.task),
                    "state": one.task.state,
                    "message": without_ids(one.task.message),
                }
                for one in bad[:SHOWN]
            ],
            "commands": [_command(worst, name)],
        }
        found = self.verdict(f"service {name}", Status.FAILED, detail, FIXES[worst], cause=cause)
        needed = (frozenset({claims.host_port(name)}),) if taken(setup, service) else ()
        broken = frozenset({claims.tasks(name)})
        return found.model_copy(update={"evidence": evidence, "broken": broken, "needed": needed})


FIXES = {
    Standing.REJECTED: "fix on that host what the engine says, or change the service; its tasks are made again:",
    Standing.FAILED: "read what the program says before it ends:",
    Standing.WAITS: "change its constraints, limits or networks, or the nodes; each task says what it waits for:",
}


def _failed_before(service: Service, tasks: Iterable[Task]) -> list[Task]:
    """Return the running tasks in places where one failed before, or several came to their end."""
    known = list(tasks)
    failed = {task.slot or task.node_id for task in known if task.state == "failed"}
    failed |= {one.slot or one.node_id for one in known if _ends_again(service, known, one)}
    return [task for task in running(known) if (task.slot or task.node_id) in failed]


def _ended_since(service: Service, tasks: list[Task], answers: Answers) -> list[Place]:
    """Return tasks that ran when the cluster was observed, as others before them did, and do not any more."""
    now = RUNNING_NOW.read(answers, OPERATOR)
    if now is None:
        return []
    gone = [task for task in _failed_before(service, tasks) if task.id not in now.get(service.id, ())]
    words = {task.slot or task.node_id: task for task in tasks if task.state in ("complete", "failed")}
    return [Place(Standing.FAILED, words[task.slot or task.node_id]) for task in gone]


def _command(standing: Standing, service: str) -> str:
    if standing is Standing.FAILED:
        return f"docker service logs --tail 50 {service}"
    return f"docker service ps --no-trunc {service}"


_PASSING = frozenset({Standing.STARTS, Standing.WAITS, Standing.REJECTED})
"""What is over as soon as the present task runs; one that follows a failed program may fail as well."""


def places_of(service: Service, tasks: Iterable[Task], now: frozenset[str] = frozenset()) -> list[Place]:
    """Return what becomes of each place of a service, as far as there are tasks for it.

    Managers keep some ended tasks of each place: they say why the present one does not run yet. A place whose tasks
    are all to be shut down was given up: the service has fewer replicas by now, or its node left. ``now`` are the ids
    of tasks that run at the second look: engines start the task after a refused one five seconds later.
    """
    known: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        if not service.spec.mode.is_job or task.run == service.run:
            known[str(task.slot or task.node_id or task.id)].append(task)
    found = ((_place(service, several), several) for several in known.values())
    return [_since(one, several, now) for one, several in found if one is not None]


def _since(place: Place, tasks: list[Task], now: frozenset[str]) -> Place:
    """Return what became of a place, whose tasks these are, until the second look."""
    if place.standing not in _PASSING:
        return place
    return next((Place(Standing.RUNS, one) for one in tasks if one.id in now), place)


def _place(service: Service, tasks: list[Task]) -> Place | None:
    present = [task for task in tasks if task.desired_state in ("running", "ready", "complete")]
    for wanted, standing in (("running", Standing.RUNS), ("complete", Standing.ENDED)):
        if found := [task for task in present if task.state == wanted]:
            return Place(standing, found[0])
    ended = [task for task in tasks if task.state in _ENDINGS]
    worst = max(ended, key=lambda task: _ENDINGS[task.state], default=None)
    if not present:
        return None if worst is None or _gives_up(service) is False else Place(_ENDINGS[worst.state], worst)
    if worst is not None and _ENDINGS[worst.state] is not Standing.ENDED:
        return Place(_ENDINGS[worst.state], worst)
    if worst is not None and _ends_again(service, tasks, worst):
        return Place(Standing.FAILED, worst)
    stuck = [task for task in present if task.state in ("new", "pending")]
    return Place(Standing.WAITS, stuck[0]) if stuck else Place(Standing.STARTS, present[0])


_ENDINGS = {"complete": Standing.ENDED, "failed": Standing.FAILED, "rejected": Standing.REJECTED}


def _gives_up(service: Service) -> bool:
    """Return whether a place may stay empty after its task ended: by default, engines replace it."""
    restart = service.spec.restart
    if restart is None:
        return False
    return restart.condition in ("none", "on-failure") or bool(restart.max_attempts)


AGAIN = 2
"""Programs that end well in one place, one after the other: more than one that was stopped by hand."""
SOON = 10.0
"""Seconds of ``restart.delay`` from which a program is run now and then on purpose; by default, engines wait 5."""


def _ends_again(service: Service, tasks: Iterable[Task], one: Task) -> bool:
    """Return whether the programs of a task's place end without an error, and are soon started again each time."""
    delay = service.spec.restart.delay if service.spec.restart is not None else None
    if service.spec.mode.is_job or _gives_up(service) or (delay or 0.0) >= SOON:
        return False
    place = one.slot or one.node_id
    ended = [task for task in tasks if (task.slot or task.node_id) == place and task.state == "complete"]
    return len(ended) >= AGAIN


def _lateness(service: Service, places: list[Place]) -> str:
    """Return why it is too early to say anything; empty where it is not."""
    if starting := [one for one in places if one.standing is Standing.STARTS]:
        return f"{len(starting)} of {len(places)} tasks start ({starting[0].task.state}): run verify again"
    if service.spec.mode.is_job or service.spec.mode.is_everywhere or _gives_up(service):
        return ""
    replicas = 1 if service.spec.replicas is None else service.spec.replicas
    if len(places) < replicas:
        why = " while it is updated" if is_changing(service) else ""
        return f"{len(places)} of {replicas} tasks were made so far{why}: run verify again"
    return ""


def _why_idle(service: Service, places: list[Place]) -> str:
    if service.spec.replicas == 0:
        return "it has zero replicas"
    return "its tasks came to their end" if places else "no node takes its tasks"


def _host(setup: Setup, task: Task) -> str:
    """Return the inventory's name of a task's host, else its node's."""
    if not task.node_id:
        return ""
    for facts in setup.state.hosts:
        if facts.engine.membership.node_id == task.node_id:
            return facts.host
    node = setup.state.node(task.node_id)
    return node.name if node is not None else task.node_id
