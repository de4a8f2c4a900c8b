"""Make the plan from a playbook and the observed state. Pure: planning twice gives the same plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import DocumentError, Problem, UsageError
from swarmnet.model.plan import Plan
from swarmnet.model.shown import shown
from swarmnet.operations.kind import Context
from swarmnet.operations.network.operation import NetworkOperation
from swarmnet.operations.swarm.moved_tasks import newly_homeless
from swarmnet.operations.swarm.operation import SwarmOperation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.playbook import Playbook, Step


def build(playbook: Playbook, state: ClusterState, inventory: Inventory, *, limit: Sequence[str] = ()) -> Plan:
    """Return the plan that leads from ``state`` to what the playbook describes.

    Args:
        playbook: with its contents read (``operations.playbook.with_contents``).
        state: what was seen of all hosts of the inventory, with the answers to the playbook's ``needs``.
        inventory: all hosts of the cluster: the first manager of a new swarm does not depend on ``limit``.
        limit: selectors of the hosts that steps may concern; none means all.

    Raises:
        DocumentError: steps that are impossible, that contradict each other, or that select no host; all of them.
    """
    fold = _Fold(playbook, inventory, {host.name for host in inventory.select(limit).hosts})
    first = fold.over(state)
    if first.problems:
        raise DocumentError(tuple(first.problems))
    if first.actions:
        _refuse_contradictions(playbook, fold.over(first.state))
    changes = any(not action.always for _step, action in first.actions)
    return Plan(
        cluster=inventory.cluster,
        actions=tuple(action for step, action in first.actions if changes or not step.operation.only_after_changes),
        warnings=tuple(dict.fromkeys(first.warnings)),
        predicted=first.state,
    )


def _unknown(step: Step, context: Context) -> Iterator[str]:
    """Yield which part of a step is unknown: the one on hosts that do not answer."""
    silent = {failure.host for failure in context.state.failures}
    absent = [host.name for host in step.operation.concerns(context) if host.name in silent]
    if absent:
        yield f"{', '.join(absent)} does not answer: what this step would do there is unknown, and is not done"


def _refuse_contradictions(playbook: Playbook, again: _Result) -> None:
    """Refuse steps that would still have something to do afterwards, as a second plan for the predicted state shows."""
    if again.problems:
        raise DocumentError(tuple(again.problems))
    left = [(step, action) for step, action in again.actions if not action.always]
    if left:
        raise DocumentError(tuple(_contradiction(playbook, step, action) for step, action in left))


def _contradiction(playbook: Playbook, step: Step, action: Action) -> Problem:
    fields = ", ".join(change.path for change in shown(action))
    return playbook.problem(
        step,
        f"{action.target} would change at every apply ({fields}): another step, or the inventory, says otherwise",
        "write it in one place alone",
    )


@dataclass(slots=True)
class _Result:
    state: ClusterState
    actions: list[tuple[Step, Action]]
    problems: list[Problem]
    warnings: list[str]
    turn: int = 0


@dataclass(frozen=True, slots=True)
class _Fold:
    """Goes over the steps; each plans against the state that those before it lead to."""

    playbook: Playbook
    inventory: Inventory
    within: set[str]

    def over(self, state: ClusterState) -> _Result:
        """Return all actions, problems and warnings of the steps, beginning with ``state``."""
        result = _Result(state, [], [], [])
        objects: dict[tuple[str, str], str] = {}
        provided: set[tuple[str, str]] = set()
        operations = [step.operation for step in self.playbook.steps]
        written = tuple(one.spec for one in operations if isinstance(one, NetworkOperation))
        named = frozenset(name for one in operations for name in one.names())
        connected = frozenset(pair for one in operations for pair in one.connects())
        before: Step | None = None
        for number, step in enumerate(self.playbook.steps, 1):
            if before is None or not step.together or step.together != before.together:
                result.turn += 1
            before = step
            objects |= step.operation.objects()
            hosts = self._hosts(step, result)
            if hosts is None:
                continue
            context = Context(
                result.state,
                self.inventory,
                hosts,
                objects,
                provided=frozenset(provided),
                restore=self.playbook.restore,
                observed=state,
                written=written,
                named=named,
                connected=connected,
                later=frozenset(name for one in operations[number:] for name in one.concerned()),
            )
            self._take(step, context, result)
            provided |= step.operation.provides()
            if result.problems and isinstance(step.operation, SwarmOperation):
                break  # without a swarm all else would complain, too
        return result

    def _take(self, step: Step, context: Context, result: _Result) -> None:
        unread = () if step.operation.unread() is None else ("its contents were not read",)
        problems = (*step.operation.faults(), *unread) or step.operation.problems(context)
        result.problems += [self.playbook.problem(step, text) for text in problems]
        if problems:
            return
        warned = (*step.operation.warnings(context), *_unknown(step, context))
        result.warnings += [*step.notes, *(str(self.playbook.problem(step, text)) for text in warned)]
        for action in step.operation.plan(context):
            result.actions.append((step, action.model_copy(update={"turn": result.turn})))
            result.state = action.predict(result.state)
        if step.operation.may_move_tasks:
            lost = newly_homeless(context.state, result.state)
            result.warnings += [str(self.playbook.problem(step, text)) for text in lost]

    def _hosts(self, step: Step, result: _Result) -> tuple[Host, ...] | None:
        try:
            selected = self.inventory.select(step.on).hosts
        except UsageError as error:
            result.problems.append(self.playbook.problem(step, error.message, error.hint))
            return None
        whole = isinstance(step.operation, SwarmOperation)  # which makes the hosts leave that may not be members
        return tuple(
            host
            for host in selected
            if host.name in self.within and (whole or host.role is not None or host.name in step.on)
        )
