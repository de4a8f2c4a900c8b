"""Reach a goal: plan, guard, show, confirm, lock, execute, look again.

A goal is a planner: apply's comes from a playbook, restore's from a backup, reset's from what is there. All of them are
shown, guarded, locked, executed and proved in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from swarmnet.model.events import Progress
from swarmnet.model.plan import Rank
from swarmnet.model.report import ApplyReport, OutcomeStatus
from swarmnet.model.standing import answered
from swarmnet.operations.service.converge import idle_services
from swarmnet.operations.service.stalled import held_up_services
from swarmnet.operations.swarm.actions import InitSwarm, Join
from swarmnet.operations.swarm.unready import unready_nodes
from swarmnet.plan import guard
from swarmnet.workflows.fleet.execute import Conditions, execute
from swarmnet.workflows.fleet.settle import observe_settled, observe_well
from swarmnet.workflows.lock.holders import clear_dead
from swarmnet.workflows.lock.lock import held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.model.lock import Operator
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.fleet.execute import Stop
    from swarmnet.workflows.fleet.observe import Look
    from swarmnet.workflows.lock.lock import Lock


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a run leads to."""

    make_plan: Callable[[ClusterState], Plan]
    """Pure: the same state gives the same plan. Raises ``SwarmnetError`` when there is no way."""
    look: Look
    """What the planner must know."""
    permissions: guard.Permissions
    command: str
    """What the lock shows to others: ``apply playbooks/site.yml``."""
    programs: tuple[str, ...] = ()
    """The programs that planning runs; a saved plan names them."""
    headless: bool = False
    """True for a plan that is made for a swarm that no manager answers for."""
    readiness: ReadinessCheck | None = None
    """Looks at the hosts that a plan lets enter the swarm; not called for a plan that lets none in."""


class ReadinessCheck(Protocol):
    """What looks at the hosts that a plan lets enter a swarm."""

    def __call__(self, ports: Ports, plan: Plan, state: ClusterState, /) -> Readiness:
        """Return what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is wrong with hosts that are to enter a swarm."""

    refusals: tuple[guard.Refusal, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, the state that it is for, and what the guard has against carrying it out."""

    state: ClusterState
    plan: Plan
    refusals: tuple[guard.Refusal, ...] = ()


class Consent(Protocol):
    """The operator."""

    def show(self, prepared: Prepared) -> None:
        """Show the plan and what is refused."""

    def ask(self, prepared: Prepared, *, changed: bool) -> None:
        """Return when the operator agrees to the plan that was shown.

        ``changed`` is true when the cluster has changed since the operator agreed before. Raises ``SwarmnetError``
        when the operator does not agree, or cannot be asked.
        """


class Safeguard(Protocol):
    """What saves a cluster before it is changed."""

    def __call__(self, ports: Ports, state: ClusterState, hosts: frozenset[str] | None, /) -> None:
        """Save it; raises ``SwarmnetError`` when that is not possible, which ends the run before its first change."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a run may change things."""

    consent: Consent
    operator: Operator
    stop: Stop
    lock_wait: float = 0.0
    """Seconds to wait for another operator's lock."""
    expects: Callable[[Prepared], None] = lambda _prepared: None
    """Raises ``RefusedError`` for a plan that is not the one that was agreed to before; an empty one is asked, too."""
    safeguard: Safeguard = lambda _ports, _state, _hosts: None
    """Saves the cluster under the lock, before the first change."""


def prepare(ports: Ports, goal: Goal) -> Prepared:
    """Observe and plan; nothing is changed.

    Raises:
        RefusedError: no plan can be trusted in this state, whatever flags are given; names every reason.
        IncompleteError: no manager answers for the swarm that hosts are in, or a host is locked.
        NothingReachableError: no host answers.
    """
    state = observe_settled(ports, goal.look)
    if not (goal.permissions.dissolve or goal.headless):
        answered(state, ports.inventory, hosts=goal.look.hosts)
    refusals = tuple(guard.of_state(state, ports.inventory, goal.permissions, hosts=goal.look.hosts))
    if any(refusal.flag is None for refusal in refusals):
        guard.check(refusals)
    plan = goal.make_plan(state)
    ready = _readiness(ports, goal, plan, state)
    plan = plan.model_copy(update={"warnings": (*plan.warnings, *ready.warnings)}) if ready.warnings else plan
    return Prepared(state, plan, (*refusals, *guard.of_plan(plan, state, goal.permissions), *ready.refusals))


def _readiness(ports: Ports, goal: Goal, plan: Plan, state: ClusterState) -> Readiness:
    if goal.readiness is None or not any(isinstance(one, InitSwarm | Join) for one in plan.actions):
        return Readiness()
    ports.listener(Progress("checking the hosts that enter the swarm"))
    return goal.readiness(ports, plan, state)


def apply(ports: Ports, goal: Goal, terms: Terms) -> ApplyReport:
    """Reach the goal and prove it by a second plan that is empty.

    Nothing is written, not even a lock, when there is nothing to do; only what killed runs left of their locks goes.

    Raises:
        RefusedError: the guard, or the operator, says no.
        LockedError: another operator is changing the cluster.
    """
    begun = ports.clock.monotonic()
    prepared = prepare(ports, goal)
    terms.expects(prepared)
    if prepared.plan.is_empty:
        clear_dead(ports, prepared.state, terms.operator)
        state = observe_well(
            ports, goal.look, prepared.state, signs=lambda now: (*idle_services(now), *unready_nodes(now))
        )
        waiting = (*idle_services(state), *held_up_services(state), *unready_nodes(state))
        report = ApplyReport(
            cluster=prepared.plan.cluster,
            unsettled=waiting,
            failures=state.failures,
            state=state,
            skips=prepared.plan.skips,
        )
    else:
        _agree(terms, prepared, changed=False)
        goal = replace(goal, look=replace(goal.look, missing=prepared.state.failures))
        report = _under_lock(ports, goal, terms, prepared)
    return report.model_copy(update={"seconds": ports.clock.monotonic() - begun})


def _agree(terms: Terms, prepared: Prepared, *, changed: bool) -> None:
    terms.consent.show(prepared)
    guard.check(prepared.refusals)
    terms.consent.ask(prepared, changed=changed)


def _under_lock(ports: Ports, goal: Goal, terms: Terms, shown: Prepared) -> ApplyReport:
    with held(
        ports,
        shown.state,
        operator=terms.operator,
        command=goal.command,
        wait=terms.lock_wait,
        ends_swarm=goal.permissions.dissolve,
    ) as lock:
        # The cluster may have been changed between the first look and the lock.
        prepared = prepare(ports, goal)
        terms.expects(prepared)
        if prepared.plan.actions != shown.plan.actions:
            _agree(terms, prepared, changed=True)
        terms.safeguard(ports, prepared.state, goal.look.hosts)
        with terms.stop:
            conditions = Conditions(terms.stop, permit=lock.permit, after_batch=partial(_after, lock))
            outcomes = execute(ports, prepared.plan, conditions)
        done = all(outcome.status is OutcomeStatus.DONE for outcome in outcomes)
        second = _second_look(ports, goal) if done else prepared
        return ApplyReport(
            cluster=prepared.plan.cluster,
            outcomes=outcomes,
            pending=tuple(f"{one.target}: {one.why}" for one in second.plan.actions if not one.always) if done else (),
            unsettled=(*held_up_services(second.state), *unready_nodes(second.state)) if done else (),
            failures=second.state.failures,
            interrupted=terms.stop.requested and not done,
            state=second.state,
            skips=second.plan.skips,
        )


def _after(lock: Lock, batch: Sequence[Action]) -> None:
    lock.check()
    if any(action.rank is Rank.SWARM for action in batch):
        lock.enter_swarm()


def _second_look(ports: Ports, goal: Goal) -> Prepared:
    """Return what a second plan would do, and the state once the nodes are ready."""
    ports.listener(Progress("checking that a second plan is empty"))
    state = observe_settled(ports, goal.look)
    plan = goal.make_plan(state)
    return Prepared(observe_well(ports, goal.look, state, signs=unready_nodes), plan)
