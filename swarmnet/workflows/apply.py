"""From a goal to a cluster that is so: plan, guard, show, confirm, lock, execute, look again.

A goal is a planner: apply's comes from a playbook, restore's from a backup, reset's from what is there. All of them are
shown, guarded, locked, executed and proved in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from swarmnet.model.base import Document
from swarmnet.model.plan import Stage
from swarmnet.model.ports import Progress
from swarmnet.model.state import HostFailure
from swarmnet.plan import guard
from swarmnet.workflows.execute import Outcome, OutcomeStatus, execute
from swarmnet.workflows.lock import held
from swarmnet.workflows.observe import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.model.lock import Operator
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.execute import Stop
    from swarmnet.workflows.lock import Lock
    from swarmnet.workflows.observe import Look


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a run leads to."""

    make_plan: Callable[[ClusterState], Plan]
    """Pure: the same state gives the same plan. Raises ``SwarmnetError`` when there is no way."""
    look: Look
    """What the planner must know."""
    permissions: guard.Permissions
    command: str
    """What the lock tells others: ``apply playbooks/site.yml``."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and the state that it is for."""

    state: ClusterState
    plan: Plan


class Consent(Protocol):
    """Asks the operator."""

    def __call__(self, prepared: Prepared, *, changed: bool) -> None:
        """Show the plan and return when the operator agrees.

        ``changed`` tells that the cluster is not any more as it was when he agreed before. Raises ``SwarmnetError``
        when he does not, or when nobody is there to ask.
        """


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a run may change things."""

    consent: Consent
    operator: Operator
    stop: Stop
    lock_wait: float = 0.0
    """Seconds to wait for somebody else's lock."""


class ApplyReport(Document):
    """How an apply ended."""

    cluster: str
    outcomes: tuple[Outcome, ...] = ()
    pending: tuple[str, ...] = ()
    """What a second plan would still do; None of it is left when the run succeeded."""
    failures: tuple[HostFailure, ...] = ()
    """Hosts that did not answer."""
    interrupted: bool = False
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """True when an action failed, or the second plan was not empty."""
        return bool(self.pending) or any(outcome.status is OutcomeStatus.FAILED for outcome in self.outcomes)


def prepare(ports: Ports, goal: Goal) -> Prepared:
    """Observe and plan; nothing is changed.

    Raises:
        RefusedError: the guard refuses; names every reason.
        NothingReachableError: no host answers.
    """
    state = observe(ports, goal.look)
    guard.check(guard.of_state(state, ports.inventory, goal.permissions, hosts=goal.look.hosts))
    plan = goal.make_plan(state)
    guard.check(guard.of_plan(plan, state, goal.permissions))
    return Prepared(state, plan)


def apply(ports: Ports, goal: Goal, terms: Terms) -> ApplyReport:
    """Reach the goal and prove it by a second plan that is empty.

    Nothing is written, not even a lock, when there is nothing to do.

    Raises:
        RefusedError: the guard, or the operator, says no.
        LockedError: somebody else changes the cluster.
    """
    begun = ports.clock.monotonic()
    prepared = prepare(ports, goal)
    if prepared.plan.is_empty:
        report = ApplyReport(cluster=prepared.plan.cluster, failures=prepared.state.failures)
    else:
        terms.consent(prepared, changed=False)
        report = _under_lock(ports, goal, terms, prepared)
    return report.model_copy(update={"seconds": ports.clock.monotonic() - begun})


def _under_lock(ports: Ports, goal: Goal, terms: Terms, shown: Prepared) -> ApplyReport:
    with held(ports, shown.state, operator=terms.operator, command=goal.command, wait=terms.lock_wait) as lock:
        # Somebody else may have changed the cluster between the first look and the lock.
        prepared = prepare(ports, goal)
        if prepared.plan.actions != shown.plan.actions:
            terms.consent(prepared, changed=True)
        outcomes = execute(ports, prepared.plan, stop=terms.stop, after_batch=partial(_after, lock))
        done = all(outcome.status is OutcomeStatus.DONE for outcome in outcomes)
        return ApplyReport(
            cluster=prepared.plan.cluster,
            outcomes=outcomes,
            pending=_pending(ports, goal) if done else (),
            failures=prepared.state.failures,
            interrupted=terms.stop.requested and not done,
        )


def _after(lock: Lock, batch: Sequence[Action]) -> None:
    lock.check()
    if any(action.stage is Stage.SWARM for action in batch):
        lock.enter_swarm()


def _pending(ports: Ports, goal: Goal) -> tuple[str, ...]:
    """Return what a second plan would do; commands that always run are left out."""
    ports.listener(Progress("looking again: a second plan must be empty"))
    plan = goal.make_plan(observe(ports, goal.look))
    return tuple(f"{action.target}: {action.why}" for action in plan.actions if not action.always)
