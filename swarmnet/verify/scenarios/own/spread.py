"""Scenario: tasks are spread evenly over the values of the labels that a service names.

The scheduler spreads only tasks that it makes: when a zone comes back, all of its tasks stay where they went. Groups
that are full by ``max_replicas_per_node`` may have fewer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.constraint import ENGINE_LABEL, NODE_LABEL
from swarmnet.model.placement import eligible
from swarmnet.model.report import Status
from swarmnet.model.verification import Level
from swarmnet.verify import claims
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import by_service, is_changing, own_services, running
from swarmnet.verify.scenario import Answers, Findings, Question, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from swarmnet.model.base import JsonObject
    from swarmnet.model.report import Verdict
    from swarmnet.model.service import Service, Task
    from swarmnet.model.swarm import Node
    from swarmnet.verify.scenario import Setup


@dataclass(frozen=True, slots=True)
class Uneven:
    """A label over whose values tasks are not spread evenly."""

    label: str
    counts: dict[str, int]
    """Value of the label to tasks that run there."""

    def __str__(self) -> str:
        """Return the counts, such as ``zone a 3, zone b 1``."""
        short = self.label.rpartition(".")[2]
        return ", ".join(f"{short} {value or '(none)'}: {number}" for value, number in sorted(self.counts.items()))


class OwnSpread(Scenario):
    """Running tasks by the values of the labels that placement preferences name."""

    name: ClassVar[str] = "spread"
    summary: ClassVar[str] = "tasks are spread evenly over the zones that your services name"
    level: ClassVar[Level] = Level.QUICK
    needs_probes: ClassVar[bool] = False
    needs_networks: ClassVar[bool] = False

    def ask(self, _setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask nothing: the managers' lists are known."""
        return ()

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for each service that is not spread, and one for those that are."""
        tasks = by_service(setup.state.tasks)
        verdicts: list[Verdict] = []
        fine: list[str] = []
        for service in own_services(setup.state):
            if not service.spec.spread or service.spec.mode.is_everywhere or service.spec.mode.is_job:
                continue
            found = self._service(setup, service, running(tasks.get(service.id, ())))
            verdicts += [] if found is None else [found]
            fine += [service.spec.name] if found is None else []
        if fine:
            verdicts.append(self.verdict("services", Status.OK, f"evenly spread: {', '.join(fine)}"))
        if not verdicts:
            verdicts.append(self.verdict("services", Status.SKIPPED, "no service names a label to be spread over"))
        return Findings(tuple(verdicts))

    def _service(self, setup: Setup, service: Service, tasks: Sequence[Task]) -> Verdict | None:
        name, subject = service.spec.name, f"service {service.spec.name}"
        if not tasks:
            return self.verdict(subject, Status.SKIPPED, "none of its tasks runs")
        if is_changing(service):
            found = self.verdict(subject, Status.INCONCLUSIVE, "its tasks are being replaced: run verify again")
            return found.model_copy(update={"needed": claims.kept([name]), "broken": frozenset({claims.settled(name)})})
        nodes = eligible(service.spec, setup.state.nodes)
        labels = service.spec.spread or ()
        missing = [one for one in labels if not any(_value(node, one) for node in nodes)]
        if missing and nodes:
            detail = f"it is spread over {missing[0]}, which no node has that can run it: all nodes count as one group"
            fix = "give the nodes that label (docker node update --label-add), or take the preference out"
            return self.verdict(subject, Status.WARNING, detail, fix, cause=CauseId.SPREAD_LABEL)
        here = Counter(task.node_id or "" for task in tasks)
        most = service.spec.max_replicas_per_node or 0
        room = {node.id: (most or len(tasks) + 1) - here[node.id] for node in nodes}
        uneven = next(_uneven(labels, setup.state.nodes, here, room), None)
        if uneven is None:
            return None
        made = self.verdict(
            subject,
            Status.WARNING,
            f"{len(tasks)} tasks are not spread evenly over {uneven.label} ({uneven})",
            "the scheduler spreads new tasks alone; after a node or zone came back, spread them again:",
            cause=CauseId.UNEVEN_SPREAD,
        )
        counts: JsonObject = dict(sorted(uneven.counts.items()))
        commands = [f"docker service update --force {name}"]
        evidence: JsonObject = {**made.evidence, "label": uneven.label, "counts": counts, "commands": [*commands]}
        return made.model_copy(update={"evidence": evidence})


def _uneven(
    labels: Sequence[str], nodes: Sequence[Node], here: Mapping[str, int], room: Mapping[str, int]
) -> Iterator[Uneven]:
    """Yield each label that is not even, the first one over all nodes, each next one within a value of that before.

    Args:
        labels: what tasks are spread over.
        nodes: all of them, or those with one value of the label before.
        here: how many tasks each node runs.
        room: how many more each node takes that takes any.
    """
    if not labels:
        return
    groups: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        groups[_value(node, labels[0])].append(node)
    counts = {value: sum(here[node.id] for node in several) for value, several in groups.items()}
    takes = {value for value, several in groups.items() if any(room.get(node.id, 0) > 0 for node in several)}
    if takes and max(counts.values()) - min(counts[value] for value in takes) > 1:
        shown = {value: number for value, number in counts.items() if number or value in takes}
        yield Uneven(labels[0], shown)
    for several in groups.values():
        yield from _uneven(labels[1:], several, here, room)


def _value(node: Node, label: str) -> str:
    """Return a node's value of a label as the scheduler reads it: empty where it has none."""
    if label.startswith(NODE_LABEL):
        return node.spec.labels.get(label.removeprefix(NODE_LABEL), "")
    return node.engine_labels.get(label.removeprefix(ENGINE_LABEL), "") if label.startswith(ENGINE_LABEL) else ""
