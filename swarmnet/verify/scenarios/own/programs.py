"""Scenario: the programs of the user's services run, listen behind their published ports, and ask the engine for names.

Managers know only whether a container has ended. One that is paused, or whose program a signal stopped, keeps its name
and addresses, and its kernel goes on to accept connections.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.expectation import Door
from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.service import Protocol
from swarmnet.verify import claims
from swarmnet.verify.ends import HOST_NETWORK, tasks_of
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import RUNNING_NOW
from swarmnet.verify.own import is_changing, moved_services, own_services
from swarmnet.verify.scenario import OPERATOR, Answers, Findings, HostCommand, Question, SwarmTask, in_steps
from swarmnet.verify.scenarios.own.addresses import OwnScenario
from swarmnet.verify.scenarios.own.processes import (
    NAMESERVER_FIX,
    PROGRAMS,
    ask_programs,
    asks_itself,
    asks_itself_in_words,
    asks_others,
    halt_of,
    not_listening,
    program_of,
    stopped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Verdict
    from swarmnet.model.service import PublishedPort
    from swarmnet.verify.ends import End
    from swarmnet.verify.keys import Key
    from swarmnet.verify.scenario import Setup
    from swarmnet.verify.scenarios.own.processes import Program, Programs

LATER, PATIENT = 3, 10
"""Seconds between two looks: a program that was started just now listens a moment later, a slow one later still."""
SETTLED = 60
"""Seconds after which a program that does not listen is not about to begin."""
SHOWN = 3
"""Containers that a sentence names."""


BREAKS = {
    CauseId.TASK_PAUSED: claims.programs,
    CauseId.TASK_HALTED: claims.programs,
    CauseId.TASK_STOPPED: claims.programs,
    CauseId.NOT_LISTENING: claims.listens,
}
"""What is proved broken of a service."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one container."""

    cause: CauseId
    status: Status
    end: End
    words: str
    fix: str


class OwnPrograms(OwnScenario):
    """What engines and kernels of the hosts report about the containers of running tasks."""

    name: ClassVar[str] = "own-programs"
    summary: ClassVar[str] = "the programs of your tasks run, listen behind published ports, and ask the engine's DNS"

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Look at the programs of each host, and once more where one does not listen yet or was not found.

        Of one that is not found again, managers are asked whether its task still runs.
        """
        on_host = _by_host(setup)
        return in_steps(
            answers,
            lambda: [_look(host, ends) for host, ends in on_host.items()],
            lambda: [
                ask_programs(host, PROGRAMS.again, [one.container for one in ends], after=_pause(answers, deaf))
                for host, ends in on_host.items()
                if (deaf := [end for end in ends if _deaf(setup, answers, end) or _is_lost(answers, end, PROGRAMS)])
            ],
            lambda: [SwarmTask(RUNNING_NOW.name)] if _lost(setup, answers) else [],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a verdict for each service and cause, and one for all containers that are fine."""
        on_host = _by_host(setup)
        asked = {host for host in on_host if PROGRAMS.read(answers, host) is not None}
        troubles = [one for end in _ends(setup) for one in _troubles(setup, answers, end)]
        by_cause: dict[tuple[str, CauseId], list[Trouble]] = defaultdict(list)
        for one in troubles:
            by_cause[one.end.party, one.cause].append(one)
        verdicts = [self._wrong(service, several) for (service, _), several in by_cause.items()]
        bad = {(one.end.host, one.end.name) for one in troubles}
        seen = [end for end in _ends(setup) if _first_seen(answers, end) is not None]
        if fine := [end for end in seen if (end.host, end.name) not in bad]:
            parties = {end.party for end in fine}
            detail = (
                f"the programs of {count(len(fine), 'task')} of {count(len(parties), 'service')} run, and"
                " listen where they should"
            )
            verdicts.append(self.verdict("services", Status.OK, detail))
        verdicts += self._unseen(setup, answers, asked)
        if not verdicts:
            verdicts.append(self.verdict("services", Status.SKIPPED, "no task runs on a host of the inventory"))
        return Findings(tuple(verdicts))

    def _wrong(self, service: str, several: list[Trouble]) -> Verdict:
        first, rest = several[0], sorted({str(one.end) for one in several[1:]})
        more = f", and {len(rest) - SHOWN} more" if len(rest) > SHOWN else ""
        words = f"{first.words}; the same of {', '.join(rest[:SHOWN])}{more}" if rest else first.words
        fixes = "; ".join(dict.fromkeys(one.fix for one in several))
        made = self.verdict(f"service {service}", first.status, words, fixes, cause=first.cause)
        tasks: list[JsonValue] = [
            {"task": one.end.name, "host": one.end.host, "container": one.end.container[:12]} for one in several
        ]
        evidence: JsonObject = {**made.evidence, "hosts": [*sorted({one.end.host for one in several})], "tasks": tasks}
        broken = frozenset({BREAKS[first.cause](service)} if first.cause in BREAKS else ())
        return made.model_copy(update={"evidence": evidence, "broken": broken})

    def _unseen(self, setup: Setup, answers: Answers, asked: set[str]) -> Iterator[Verdict]:
        lost = _lost(setup, answers)
        moved = moved_services(setup.state, RUNNING_NOW.read(answers, OPERATOR))
        if ended := sorted({end.party for end in lost} & moved):
            detail = f"tasks of {', '.join(ended)} ended or were replaced while verify looked: run verify again"
            found = self.verdict("services", Status.INCONCLUSIVE, detail)
            yield found.model_copy(update={"needed": claims.kept(ended)})
        if gone := [end for end in lost if end.party not in moved]:
            words = f"{', '.join(map(str, gone[:SHOWN]))}{f', and {len(gone) - SHOWN} more' if gone[SHOWN:] else ''}"
            detail = f"no process of {words} was found, {LATER} s later neither, though managers call the tasks running"
            first = gone[0]
            fix = f"see on {first.host} what its engine says: docker ps -a --filter id={first.container[:12]}"
            found = self.verdict("containers", Status.INCONCLUSIVE, detail, fix)
            yield found.model_copy(update={"needed": claims.kept(end.party for end in gone)})
        if silent := sorted({*_by_host(setup)} - asked):
            why = PROGRAMS.problem(answers, silent[0]) or "its answer is not readable"
            detail = f"the programs of {', '.join(silent)} could not be looked at: {why}"
            fix = "let the SSH user run sh with sudo and without a password, or log in as root"
            yield self.verdict("hosts", Status.INCONCLUSIVE, detail, fix)


def _look(host: str, ends: list[End]) -> HostCommand:
    return ask_programs(host, PROGRAMS, [end.container for end in ends])


def _ends(setup: Setup) -> list[End]:
    """Return the running tasks of the user's services on hosts that take part."""
    every = (end for service in own_services(setup.state) for end in tasks_of(setup.state, service.spec.name))
    hosts = {*setup.approaches} or {one.host for one in setup.state.hosts}
    return [end for end in every if end.container and end.host in hosts]


def _by_host(setup: Setup) -> dict[str, list[End]]:
    found: dict[str, list[End]] = defaultdict(list)
    for end in _ends(setup):
        found[end.host].append(end)
    return found


def _lost(setup: Setup, answers: Answers) -> list[End]:
    """Return the containers of which no look showed a process, on hosts that could be looked at."""
    return [end for end in _ends(setup) if _is_lost(answers, end, PROGRAMS.last(answers, end.host))]


def _is_lost(answers: Answers, end: End, look: Key[Programs]) -> bool:
    was_looked_at = look.read(answers, end.host) is not None
    return was_looked_at and not end.halted and _first_seen(answers, end) is None


def _troubles(setup: Setup, answers: Answers, end: End) -> Iterator[Trouble]:
    if end.halted:
        yield Trouble(halt_of(end)[0], Status.FAILED, end, *halt_of(end)[1:])
        return
    program = _first_seen(answers, end)
    if program is None:
        return
    if program.stopped:
        yield Trouble(CauseId.TASK_STOPPED, Status.FAILED, end, *stopped(end, program))
    for port in _deaf(setup, answers, end):
        words, fix = not_listening(end, (_last_seen(answers, end) or program).listening, port)
        if _age(answers, end) < SETTLED:
            fix = f"it started less than a minute ago: run verify again; or {fix}"
        yield Trouble(CauseId.NOT_LISTENING, Status.FAILED, end, words, fix)
    if {*end.addresses} - {HOST_NETWORK} and not program.asks_engine_first:
        fix = f"if that is not on purpose, {NAMESERVER_FIX}"
        yield Trouble(CauseId.OWN_NAMESERVER, Status.WARNING, end, asks_others(str(end), program), fix)

    itself = asks_itself(setup.state.service(end.party), program) if HOST_NETWORK not in end.addresses else ()
    if itself and _age(answers, end) >= SETTLED:
        yield Trouble(CauseId.DNS_LOOPBACK, Status.WARNING, end, *asks_itself_in_words(end, itself))


def _first_seen(answers: Answers, end: End) -> Program | None:
    """Return what the first look that found the program of a container showed of it; None where none did."""
    return program_of(answers, PROGRAMS, end) or _last_seen(answers, end)


def _last_seen(answers: Answers, end: End) -> Program | None:
    """Return what the last look showed of the program of a container; None where that is nothing."""
    return program_of(answers, PROGRAMS.last(answers, end.host), end)


def _age(answers: Answers, end: End) -> float:
    """Return for how many seconds a task's container has run, at the last look; one that was not seen is old."""
    look = PROGRAMS.last(answers, end.host).read(answers, end.host)
    age = look.age(end.container) if look is not None else None
    return float("inf") if age is None else age


def _pause(answers: Answers, deaf: list[End]) -> int:
    return PATIENT if any(_age(answers, end) < SETTLED for end in deaf) else LATER


def _deaf(setup: Setup, answers: Answers, end: End) -> list[PublishedPort]:
    """Return the published ports behind which nothing listens for others in a container, at the last look."""
    service = setup.state.service(end.party)
    if service is None or is_changing(service) or HOST_NETWORK in end.addresses:
        return []
    program = _last_seen(answers, end)
    if program is None or program.stopped:
        return []
    ports = {(one.target, one.protocol): one for one in reversed(service.all_ports)}
    asked = (one for one in ports.values() if one.protocol in (Protocol.TCP, Protocol.UDP))
    return [one for one in asked if not program.listening.reached(Door(port=one.target, protocol=one.protocol))]
