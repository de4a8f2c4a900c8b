"""Scenario: a port in host mode answers on the hosts that run a task, there alone, and shows the task who asks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import absence, claims
from swarmnet.verify.scenario import (
    OPERATOR,
    Answers,
    Findings,
    ObserverTask,
    OperatorTask,
    Question,
    Scenario,
    Setup,
    outcomes,
)
from swarmnet.verify.scenarios.mesh.mesh import address_of, neighbours, reachable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import MeshService

TURNS = 4
"""Connections counted for each door."""
ABSENT = "host-port/without"
"""Key of the question to hosts without a task."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What one side says of a host's port, and what that side needed."""

    words: str
    needed: frozenset[Claim] = frozenset()
    """Nothing, where a wrong task answers: no other trouble explains that."""


class HostPort(Scenario):
    """Each host's own port, asked by its neighbours: the mesh hides who asks, host mode must not."""

    name: ClassVar[str] = "host-port"
    summary: ClassVar[str] = "a port in host mode answers on task nodes only, and keeps the client's address"
    needs_mesh: ClassVar[bool] = True
    needs_networks: ClassVar[bool] = False
    needs_observer: ClassVar[bool] = True

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Knock at the neighbours that have a task, and once at those that have none."""
        mesh = setup.mesh
        if mesh is None or not mesh.host_ports:
            return ()
        found: list[Question] = []
        for host in setup.watched:
            others = [one for one in neighbours(setup.watched, host) if one != host]
            doors: dict[str, JsonValue] = {
                one: [address_of(setup, one), mesh.host_ports[one], "tcp"] for one in others if one in mesh.host_ports
            }
            found += [ObserverTask(host, self.name, _knocks(doors, TURNS))] if doors else []
            empty: dict[str, JsonValue] = {
                one: [address_of(setup, one), port, "tcp"]
                for one in others
                if one not in mesh.backends.values()
                for port in list(mesh.host_ports.values())[:1]
            }
            found += [ObserverTask(host, ABSENT, _knocks(empty, 0))] if empty else []
        return (*found, *self._outside(setup, mesh))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict where all is right, else one for each host that is not as it shall be."""
        mesh = setup.mesh
        if mesh is None or not mesh.host_ports:
            return Findings((absence.unpublished(setup, self.name, "ports"),))
        wrong: dict[str, list[Complaint]] = defaultdict(list)
        asked, silent = set(), []
        for source in (*setup.watched, OPERATOR):
            found, problem = outcomes(answers, source, self.name)
            if problem and source != OPERATOR and (source, self.name) in answers:
                silent.append(self._verdict(f"from {source}", Status.INCONCLUSIVE, problem))
            for host, outcome in found.items():
                asked.add(host)
                if (why := _wrong(outcome, source, host, mesh)) is not None:
                    wrong[host].append(why)
            wrong = _strangers(wrong, outcomes(answers, source, ABSENT)[0], mesh)
        failed = [self._failed(host, sentences) for host, sentences in wrong.items()]
        if asked and not failed and not silent:
            detail = f"{len(asked)} hosts answer on ports of their own, and their tasks see who asks"
            failed = [self._verdict("ports", Status.OK, detail)]
        elif not asked and not silent:
            failed = [absence.untested(setup, self.name, "ports", "there is no second host to ask from")]
        return Findings((*failed, *silent))

    def _outside(self, setup: Setup, mesh: MeshService) -> list[Question]:
        doors: dict[str, JsonValue] = {
            host: [setup.approaches[host].address, port, "tcp"]
            for host, port in mesh.host_ports.items()
            if reachable(setup, host)
        }
        return [OperatorTask(self.name, _knocks(doors, TURNS))] if doors else []

    def _failed(self, host: str, complaints: list[Complaint]) -> Verdict:
        sentences = [one.words for one in complaints]
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.INCONCLUSIVE if all("from this machine" in one for one in sentences) else Status.FAILED,
            detail=f"port in host mode on {host}: {'; '.join(sentences)}",
            fix="look for rules that drop or masquerade on the way to the host (DOCKER-USER, firewalls between), and"
            " for another program on the port",
            evidence={"cause": "host-port", "host": host},
            needed=tuple(one.needed for one in complaints),
        )

    def _verdict(self, subject: str, status: Status, detail: str) -> Verdict:
        return Verdict(scenario=self.name, subject=subject, status=status, detail=detail)


def _wrong(outcome: JsonObject, source: str, host: str, mesh: MeshService) -> Complaint | None:
    """Return what is wrong with one host's port as one side saw it.

    Between the operator and a host an address may be translated rightly, so only hosts insist on theirs.
    """
    side = source or "this machine"
    rules = {claims.rules(host, "nat"), claims.rules(host, "filter")}
    needed = frozenset({claims.node(host), claims.door(source, host, "tcp"), *rules})
    seen = outcome.get("seen")
    if not isinstance(seen, dict) or not seen:
        return Complaint(f"closed from {side} ({outcome.get('why')})", needed)
    strangers = sorted({mesh.backends.get(who, who) for who in seen} - {host})
    if strangers:
        return Complaint(f"the task on {', '.join(strangers)} answers from {side}")
    hidden = set(_texts(outcome, "peers")) - set(_texts(outcome, "locals"))
    if source != OPERATOR and hidden:
        asked = ", ".join(_texts(outcome, "locals"))
        return Complaint(f"its task sees {', '.join(sorted(hidden))} where {side} asked from {asked}", needed)
    return None


def _strangers(
    wrong: dict[str, list[Complaint]], empty: dict[str, JsonObject], mesh: MeshService
) -> dict[str, list[Complaint]]:
    """Add hosts without a task on which a task of ours answers; another program there is none of our business."""
    for host, outcome in empty.items():
        seen = outcome.get("seen")
        ours = {mesh.backends[who] for who in seen if who in mesh.backends} if isinstance(seen, dict) else set()
        if ours:
            wrong[host].append(Complaint(f"it has no task, and the one on {', '.join(sorted(ours))} answers"))
    return wrong


def _texts(outcome: JsonObject, key: str) -> Iterable[str]:
    found = outcome.get(key)
    return [str(one) for one in found] if isinstance(found, list) else []


def _knocks(doors: dict[str, JsonValue], times: int) -> JsonObject:
    return {"kind": "knock", "targets": doors, "expected": [], "times": times}
