"""Scenario: a port in host mode answers only on the hosts that run a task, and shows the task who asks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status, Verdict
from swarmnet.model.verification import Level
from swarmnet.verify import absence, claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import outcomes
from swarmnet.verify.scenario import (
    OPERATOR,
    Answers,
    Findings,
    ObserverTask,
    OperatorTask,
    Question,
    Scenario,
    Setup,
)
from swarmnet.verify.scenarios.mesh.mesh import address_of, neighbours, reachable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Claim
    from swarmnet.verify.scenario import MeshService

TURNS = 4
"""Connections counted for each door."""
KNOCKED, ABSENT = keys.targets("host-port"), keys.targets("host-port/without")
"""What hosts see of the ports of hosts with a task, and of those without."""


@dataclass(frozen=True, slots=True)
class PortFault:
    """What one side says against a host's port, and what that side needed."""

    words: str
    """For people alone."""
    is_outside: bool = False
    """True where the operator's machine says it: what lies between may keep its packets, and is not the cluster's."""
    needed: frozenset[Claim] = frozenset()
    """Nothing, where a wrong task answers: no other trouble explains that."""


class HostPort(Scenario):
    """Each host's own port, asked by its neighbours: the mesh hides who asks, host mode must not."""

    name: ClassVar[str] = "host-port"
    summary: ClassVar[str] = "a port in host mode answers on task nodes only, and keeps the client's address"
    level: ClassVar[Level] = Level.FULL
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
            found += [ObserverTask(host, KNOCKED.name, _knocks(doors, TURNS))] if doors else []
            empty: dict[str, JsonValue] = {
                one: [address_of(setup, one), port, "tcp"]
                for one in others
                if one not in mesh.backends.values()
                for port in list(mesh.host_ports.values())[:1]
            }
            found += [ObserverTask(host, ABSENT.name, _knocks(empty, 0))] if empty else []
        return (*found, *self._outside(setup, mesh))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict where every port is right, else one for each host where it is not."""
        mesh = setup.mesh
        if mesh is None or not mesh.host_ports:
            return Findings((absence.unpublished(setup, self.name, "ports"),))
        wrong: dict[str, list[PortFault]] = defaultdict(list)
        asked, silent = set(), []
        for source in (*setup.watched, OPERATOR):
            found, problem = outcomes(answers, source, KNOCKED)
            if problem and source != OPERATOR and KNOCKED.was_asked(answers, source):
                silent.append(self.verdict(f"from {source}", Status.INCONCLUSIVE, problem))
            for host, outcome in found.items():
                asked.add(host)
                if (why := _wrong(outcome, source, host, mesh)) is not None:
                    wrong[host].append(why)
            wrong = _strangers(wrong, outcomes(answers, source, ABSENT)[0], mesh)
        failed = [self._failed(host, sentences) for host, sentences in wrong.items()]
        if asked and not failed and not silent:
            detail = count(
                len(asked),
                "host answers on its own ports, and its tasks see the client's address",
                "hosts answer on their own ports, and their tasks see the client's address",
            )
            failed = [self.verdict("ports", Status.OK, detail)]
        elif not asked and not silent:
            failed = [absence.untested(setup, self.name, "ports", "there is no second host to connect from")]
        return Findings((*failed, *silent))

    def _outside(self, setup: Setup, mesh: MeshService) -> list[Question]:
        doors: dict[str, JsonValue] = {
            host: [setup.approaches[host].address, port, "tcp"]
            for host, port in mesh.host_ports.items()
            if reachable(setup, host)
        }
        return [OperatorTask(KNOCKED.name, _knocks(doors, TURNS))] if doors else []

    def _failed(self, host: str, complaints: list[PortFault]) -> Verdict:
        sentences = [one.words for one in complaints]
        return Verdict(
            scenario=self.name,
            subject=f"host {host}",
            status=Status.INCONCLUSIVE if all(one.is_outside for one in complaints) else Status.FAILED,
            detail=f"port in host mode on {host}: {'; '.join(sentences)}",
            fix="look for rules that drop or masquerade packets on the way to the host (DOCKER-USER, firewalls in"
            " between), and"
            " for another program on the port",
            cause=CauseId.HOST_PORT,
            evidence={"cause": CauseId.HOST_PORT, "host": host},
            needed=tuple(one.needed for one in complaints),
        )


def _wrong(outcome: JsonObject, source: str, host: str, mesh: MeshService) -> PortFault | None:
    """Return what is wrong with one host's port as one side saw it.

    Between the operator and a host an address may be translated rightly, so only hosts insist on theirs.
    """
    side, outside = source or "your machine", source == OPERATOR
    rules = {claims.rules(host, "nat"), claims.rules(host, "filter")}
    port = mesh.host_ports.get(host, 0)
    passed = {claims.published("tcp", port, one, host) for one in (source, OPERATOR)}
    needed = frozenset({claims.node(host), claims.door(source, host, "tcp"), *passed, *rules})
    seen = outcome.get("seen")
    if not isinstance(seen, dict) or not seen:
        return PortFault(f"closed from {side} ({outcome.get('why')})", outside, needed)
    strangers = sorted({mesh.backends.get(who, who) for who in seen} - {host})
    if strangers:
        return PortFault(f"the task on {', '.join(strangers)} answers from {side}", outside)
    hidden = set(_texts(outcome, "peers")) - set(_texts(outcome, "locals"))
    if source != OPERATOR and hidden:
        asked = ", ".join(_texts(outcome, "locals"))
        return PortFault(
            f"its task sees {', '.join(sorted(hidden))} as the client, but {side} connected from {asked}", needed=needed
        )
    return None


def _strangers(
    wrong: dict[str, list[PortFault]], empty: dict[str, JsonObject], mesh: MeshService
) -> dict[str, list[PortFault]]:
    """Add hosts without a task on which a task of ours answers; another program there is not a fault."""
    for host, outcome in empty.items():
        seen = outcome.get("seen")
        ours = {mesh.backends[who] for who in seen if who in mesh.backends} if isinstance(seen, dict) else set()
        if ours:
            wrong[host].append(PortFault(f"it has no task, but the one on {', '.join(sorted(ours))} answers"))
    return wrong


def _texts(outcome: JsonObject, key: str) -> Iterable[str]:
    found = outcome.get(key)
    return [str(one) for one in found] if isinstance(found, list) else []


def _knocks(doors: dict[str, JsonValue], times: int) -> JsonObject:
    return {"kind": "knock", "targets": doors, "expected": [], "times": times}
