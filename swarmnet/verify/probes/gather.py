"""Bring questions to the hosts and answers back: one batch a host and round, all hosts side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import HostError
from swarmnet.model.border import parsed
from swarmnet.verify.own import by_service, running
from swarmnet.verify.probes import again
from swarmnet.verify.scenario import (
    OPERATOR,
    Answer,
    Answers,
    HostCommand,
    InsideTask,
    ObserverTask,
    OperatorTask,
    ProbeTask,
    Question,
    ServiceTask,
    SwarmTask,
)
from swarmnet.workflows.fleet.fanout import bugs_to, fan_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.ports import DialoguePort, Ports

_Asked = ProbeTask | ObserverTask | ServiceTask | InsideTask
COMMANDS_AT_ONCE = 3
"""Commands that run side by side on one host: sshd opens ten sessions by default, and engines have some."""
GRACE = 20.0
"""Seconds that a batch may take beyond its own limit: a busy host."""


@dataclass(frozen=True, slots=True)
class Containers:
    """The containers that answer, by host."""

    probes: Mapping[str, str]
    observers: Mapping[str, str]
    tasks: Mapping[str, str]
    """Containers of the probe service."""
    inside: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Host and name of a container of the user's to the one that is asked inside its network namespace."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Some questions of one host that one container answers, or its shell."""

    keys: tuple[str, ...]
    ask: Callable[[], dict[str, Answer]]


class Batches:
    """Asks the probes, observers and shells of one run."""

    def __init__(self, ports: Ports, run: str, kinds: Containers, *, begun: float | None = None) -> None:
        """Prepare; nothing is asked yet. ``begun``: when the run began, now if left out."""
        self._ports = ports
        self._run = run
        self._containers = kinds
        self._dialogues: dict[str, DialoguePort] = {}
        self._number = 0
        self._begun = ports.clock.monotonic() if begun is None else begun
        self._listener = bugs_to(ports.listener)

    def close(self) -> None:
        """Let go of the probes."""
        for dialogue in tuple(self._dialogues.values()):
            dialogue.close()
        self._dialogues.clear()

    def ask(self, questions: Sequence[Question], limit: float) -> Answers:
        """Return an answer to every question, within about ``limit`` seconds; a host that fails answers why.

        What is not answered while a host had no turn is asked again, each time within ``limit`` seconds more.
        """
        begun = self._ports.clock.monotonic()
        answers = self._round(questions, limit)
        for _ in range(again.TIMES):
            open_ones = again.unanswered(questions, answers)
            if not open_ones or self._longest_pause(self._ports.clock.monotonic() - begun) < again.PAUSE:
                break
            begun = self._ports.clock.monotonic()
            answers = again.merged(answers, self._round(open_ones, limit))
        return answers

    def _longest_pause(self, seconds: float) -> float:
        """Return for how long, in these last seconds, any host had no turn; a host that does not say it counts as 0."""
        self._number += 1
        containers = self._containers
        hosts = {**{host: one for (host, _), one in containers.inside.items()}, **containers.probes}
        hosts |= containers.observers
        job = self._job([ObserverTask("", again.TURNS, {"kind": again.TURNS, "seconds": seconds})], GRACE)
        said = json.dumps(job).encode()
        found = fan_out(hosts, lambda host: self._talk(host, hosts[host], said, limit=GRACE), listener=self._listener)
        return max((again.pause(one) for one in found.values() if not isinstance(one, HostError)), default=0.0)

    def _round(self, questions: Sequence[Question], limit: float) -> Answers:
        self._number += 1
        hosts = list(dict.fromkeys(question.host for question in questions))
        found = fan_out(
            hosts,
            lambda host: self._host(host, [q for q in questions if q.host == host], limit),
            listener=self._listener,
        )
        answers: Answers = {}
        for question in questions:
            result = found[question.host]
            if isinstance(result, HostError):
                answers[question.host, question.key] = Answer(problem=result.message)
            else:
                answers[question.host, question.key] = result.get(question.key, Answer(problem="no answer came"))
        return answers

    def _host(self, host: str, questions: list[Question], limit: float) -> dict[str, Answer]:
        if host == OPERATOR:
            found = self._from_here([question for question in questions if isinstance(question, OperatorTask)], limit)
            return found | {one.key: self._tasks() for one in questions if isinstance(one, SwarmTask)}
        # All at the same time: an observer that waits for packets must not hold up what probes ask.
        jobs = self._jobs(host, questions, limit)
        ended = fan_out(jobs, lambda name: jobs[name].ask(), listener=self._listener)
        answers: dict[str, Answer] = {}
        for name, result in ended.items():
            if isinstance(result, HostError):
                answers |= {key: Answer(problem=result.message) for key in jobs[name].keys}
            else:
                answers |= result
        return answers

    def _jobs(self, host: str, questions: Sequence[Question], limit: float) -> dict[str, _Job]:
        """Return what is asked of one host side by side: each container that has questions, and the shell."""
        jobs: dict[str, _Job] = {}
        kinds = (
            (ObserverTask, self._containers.observers),
            (ProbeTask, self._containers.probes),
            (ServiceTask, self._containers.tasks),
        )
        for kind, containers in kinds:
            tasks = [question for question in questions if isinstance(question, kind)]
            if tasks and host in containers:
                ask = partial(self._probe, host, containers[host], tasks, limit)
                jobs[f"{kind.__name__} of {host}"] = _Job(tuple(one.key for one in tasks), ask)
        if inside := [question for question in questions if isinstance(question, InsideTask)]:
            ask = partial(self._inside, host, inside, limit)
            jobs[f"containers of {host}"] = _Job(tuple(one.key for one in inside), ask)
        if commands := [question for question in questions if isinstance(question, HostCommand)]:
            ask = partial(self._commands, host, commands)
            jobs[f"commands of {host}"] = _Job(tuple(one.key for one in commands), ask)
        return jobs

    def _inside(self, host: str, tasks: Sequence[InsideTask], limit: float) -> dict[str, Answer]:
        """Ask inside all containers of a host side by side; one that fails does not stop the others."""
        names = {task.inside for task in tasks if (host, task.inside) in self._containers.inside}

        def ask(name: str) -> dict[str, Answer]:
            mine = [task for task in tasks if task.inside == name]
            return self._probe(host, self._containers.inside[host, name], mine, limit)

        answers: dict[str, Answer] = {}
        for name, result in fan_out(sorted(names), ask, listener=self._listener).items():
            if isinstance(result, HostError):
                answers |= {task.key: Answer(problem=result.message) for task in tasks if task.inside == name}
            else:
                answers |= result
        return answers

    def _tasks(self) -> Answer:
        """Ask the managers which tasks run."""
        try:
            tasks = running(self._ports.manager().tasks())
        except HostError as error:
            return Answer(problem=error.message)
        return Answer(
            {"tasks": {service: [one.id for one in several] for service, several in by_service(tasks).items()}}
        )

    def _from_here(self, tasks: Sequence[OperatorTask], limit: float) -> dict[str, Answer]:
        if not tasks:
            return {}
        found = self._ports.ask_from_here(self._job(tasks, limit))
        return {key: Answer(value) for key, value in found.items() if isinstance(value, dict)}

    def _job(self, tasks: Sequence[_Asked | OperatorTask], limit: float) -> JsonObject:
        return {
            "number": self._number,
            "run": self._run,
            "limit": limit,
            "elapsed": round(self._ports.clock.monotonic() - self._begun, 1),
            "tasks": [{"key": task.key, **task.task} for task in tasks],
        }

    def _probe(self, host: str, container: str, tasks: Sequence[_Asked], limit: float) -> dict[str, Answer]:
        job = self._job(tasks, limit)
        more = max(float(str(task.task.get("more", 0.0))) for task in tasks)
        found = self._talk(host, container, json.dumps(job).encode(), limit=limit + more + GRACE)
        return {key: Answer(value) for key, value in found.items() if isinstance(value, dict)}

    def _talk(self, host: str, container: str, job: bytes, *, limit: float) -> JsonObject:
        """Return what the probe answers: by one attached stream for all rounds, since a process for each is dear."""
        dialogue = self._dialogues.get(container)
        if dialogue is None:
            dialogue = self._dialogues[container] = self._ports.engine(host).dialogue(container)
        try:
            dialogue.say(job)
            return self._hear(dialogue, limit)
        except HostError:
            # In any state of the old one, the next round opens a new dialogue.
            self._dialogues.pop(container).close()
            raise

    def _hear(self, dialogue: DialoguePort, limit: float) -> JsonObject:
        """Return the answers to this round's job; passes over the probe's greeting and late answers to older jobs."""
        deadline = self._ports.clock.monotonic() + limit
        while True:
            line = dialogue.hear(max(0.0, deadline - self._ports.clock.monotonic()))
            try:
                said = parsed(line)
            except ValueError:
                continue
            if isinstance(said, dict) and said.get("number") == self._number:
                answers = said.get("answers")
                if isinstance(answers, dict):
                    return answers

    def _commands(self, host: str, commands: Sequence[HostCommand]) -> dict[str, Answer]:
        """Run commands, a few of them side by side."""
        by_key = {one.key: one for one in commands}
        found = fan_out(
            by_key, lambda key: self._command(host, by_key[key]), at_once=COMMANDS_AT_ONCE, listener=self._listener
        )
        return {
            key: Answer(problem=result.message) if isinstance(result, HostError) else result
            for key, result in found.items()
        }

    def _command(self, host: str, command: HostCommand) -> Answer:
        try:
            ended = self._ports.shell(host).run(command.argv, timeout=command.timeout, sudo=command.sudo)
        except HostError as error:
            return Answer(problem=error.message)
        return Answer(
            {
                "exit": ended.exit_code,
                "stdout": ended.stdout.decode(errors="replace"),
                "stderr": ended.stderr.decode(errors="replace"),
            }
        )
