"""What is refused before anything changes, and the flag that allows it. Pure.

A step refuses what makes it impossible (``Operation.problems``). The guard refuses what is possible but may cost more
than the operator intends, and states in which no plan can be trusted.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError
from swarmnet.model.announced_losses import Health, majority
from swarmnet.model.hosts import Role
from swarmnet.model.plan import MANAGED_LABEL, Permit
from swarmnet.model.standing import standing
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import LEAVE
from swarmnet.model.version import OLDEST_API
from swarmnet.operations.swarm.moved_tasks import homeless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.plan import Action, Plan
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the operator allowed by flags."""

    allow_missing: bool = False
    """``--allow-missing``: go on without hosts that do not answer."""
    replace: frozenset[str] = frozenset()
    """``--replace NAME``: networks (or other targets) whose replacement may interrupt or lose something."""
    allow_down: frozenset[str] = frozenset()
    """``--allow-down NAME``: services that may stop running because no other node has room for them."""
    prune: bool = False
    """``--prune``: remove what swarmnet created and nothing provides any more."""
    dissolve: bool = False
    """``reset`` was confirmed with the cluster's name: its own actions take the swarm apart."""
    returning: bool = False
    """A swarm begins again that had workers: hosts that are in one may be these, and wait for their manager."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused."""

    text: str
    flag: str | None = None
    """The flag of the same command that allows it; None when none does."""
    advice: str | None = None
    """What to do instead."""

    def __str__(self) -> str:
        ways = ", ".join(one for one in (self.flag, self.advice) if one is not None)
        return f"{self.text} ({ways})" if ways else self.text


NO_PERMISSIONS = Permissions()


def check(refusals: Iterable[Refusal]) -> None:
    """Refuse with all reasons at once, if there are any.

    Raises:
        RefusedError: there are.
    """
    found = tuple(dict.fromkeys(refusals))
    if not found:
        return
    flags = [one.flag for one in found if one.flag is not None]
    hint = f"to allow this, add {' '.join(dict.fromkeys(flags))}" if len(flags) == len(found) else None
    raise RefusedError("refused, and nothing was changed:", hint=hint, details=(f"- {one}" for one in found))


def of_state(
    state: ClusterState,
    inventory: Inventory,
    permissions: Permissions = NO_PERMISSIONS,
    *,
    hosts: frozenset[str] | None = None,
) -> Iterator[Refusal]:
    """Yield why nothing may be changed in this state; ``hosts`` are those concerned, None means all."""
    for failure in state.failures:
        if failure.disbelieved:
            # No flag allows it: it may be the machine that another host of the inventory was.
            is_manager = inventory.host(failure.host).role is Role.MANAGER
            rest = "or take it out of the inventory" if is_manager else f"or work without it: --limit '!{failure.host}'"
            yield Refusal(f"{failure.host} {failure.reason}", advice=f"repair {failure.host}, {rest}")
        elif not permissions.allow_missing and (hosts is None or failure.host in hosts):
            text = f"{failure.host} {failure.trouble}: {failure.reason}"
            yield Refusal(text, flag="--allow-missing", advice=f"or --limit '!{failure.host}'")
    yield from _old_engines(state)
    yield from _marked(state, inventory)
    if not (permissions.dissolve or permissions.returning):
        yield from _strays(state, inventory)
    elif permissions.dissolve and not permissions.allow_missing:
        yield from _headless(state)


def of_plan(plan: Plan, state: ClusterState, permissions: Permissions = NO_PERMISSIONS) -> Iterator[Refusal]:
    """Yield why these actions may not run in this state."""
    for action in plan.actions:
        if refusal := _costly(action, permissions):
            yield refusal
    yield from _stopped(plan, permissions)
    if permissions.dissolve:
        yield from _orphans(state, permissions)
    else:
        yield from _quorum(plan, state)
    if state.swarm is not None and plan.predicted.swarm is not None and plan.predicted.swarm.id != state.swarm.id:
        yield Refusal(
            f"the plan would create a second swarm next to {state.swarm.id}",
            advice="make its hosts leave that one first: swarmnet reset",
        )


def _old_engines(state: ClusterState) -> Iterator[Refusal]:
    for facts in state.hosts:
        if facts.engine.api < OLDEST_API:
            yield Refusal(
                f"{facts.host} has engine {facts.engine.version} (API {facts.engine.api_version});"
                f" swarmnet needs 20.10 (API {OLDEST_API}) or newer",
                advice="update the engine",
            )


def _marked(state: ClusterState, inventory: Inventory) -> Iterator[Refusal]:
    """Yield a swarm that is another inventory's."""
    if state.swarm is None:
        return
    mark = state.swarm.spec.labels.get(MANAGED_LABEL, inventory.cluster)
    if mark != inventory.cluster:
        yield Refusal(
            f"the swarm is marked as cluster {mark!r}; {inventory.source} is of cluster {inventory.cluster!r}",
            advice="use that cluster's inventory",
        )


def _strays(state: ClusterState, inventory: Inventory) -> Iterator[Refusal]:
    """Yield hosts in a swarm that no manager of the inventory is in: a new one cannot have them."""
    found = standing(state, inventory)
    for reason in found.reasons if found.health is Health.ABSENT else ():
        yield Refusal(reason, advice=f"use another host, or make it leave that swarm: {LEAVE}")


def _headless(state: ClusterState) -> Iterator[Refusal]:
    """Yield hosts in a swarm for which no manager answers, and which they would leave nevertheless."""
    for facts in state.hosts if state.swarm is None else ():
        membership = facts.engine.membership
        if membership.state is not SwarmStanding.INACTIVE:
            said = f": {membership.error}" if membership.error else ""
            yield Refusal(f"{facts.host} is in a swarm for which no manager answers{said}", flag="--allow-missing")


def _costly(action: Action, permissions: Permissions) -> Refusal | None:
    target, why, name = action.target, action.why, action.object.name
    if action.obstacles:
        users = ", ".join(action.obstacles)
        text = f"{target} cannot be replaced while containers that are not tasks use it: {users}"
        return Refusal(text, advice="first remove them, or disconnect them (docker network disconnect)")
    named = Refusal(f"{target} would lose something for good: {why}", flag=f"--replace {shlex.quote(name)}")
    refusals = {
        Permit.NONE: None,
        Permit.STACK: None,
        Permit.PRUNE: None if permissions.prune else Refusal(f"{target} would be removed: {why}", flag="--prune"),
        Permit.RESET: None if permissions.dissolve else Refusal(f"{target}: {why}", advice="run swarmnet reset"),
        Permit.REPLACE: replace(named, text=f"{target} would be replaced, which interrupts what uses it: {why}"),
        Permit.LOSS: named,
    }
    is_named = bool(permissions.replace & {name, target})
    return None if is_named and action.permit in (Permit.REPLACE, Permit.LOSS) else refusals[action.permit]


def _stopped(plan: Plan, permissions: Permissions) -> Iterator[Refusal]:
    """Yield the services that would not run as before, since no node that stays has room for them."""
    causes: dict[str, str] = {}
    for action in plan.actions:
        for name in action.stops:
            causes.setdefault(name, action.target)
    reasons = homeless(plan.predicted)
    for name, target in causes.items():
        if name not in permissions.allow_down:
            why = reasons.get(name, "no other node has room for it")
            text = f"service {name} would not run as before without {target}: {why}"
            yield Refusal(text, flag=f"--allow-down {shlex.quote(name)}")


def _quorum(plan: Plan, state: ClusterState) -> Iterator[Refusal]:
    """Yield a majority that the plan would lose; ``of_state`` reports one that is lost already."""
    before, after = _managers(state.nodes), _managers(plan.predicted.nodes)
    if not before or not after or len(after) >= len(before):
        return
    reachable = sum(node.reachability == "reachable" for node in after)
    if reachable <= len(after) // 2:
        yield Refusal(
            f"{reachable} of {len(after)} managers would be reachable afterwards, and {majority(len(after))} must be:"
            " no quorum",
            advice="first bring the unreachable managers back, or remove them",
        )


def _orphans(state: ClusterState, permissions: Permissions) -> Iterator[Refusal]:
    """Yield nodes that no host of the inventory is: without managers they are lost, and nothing makes them leave."""
    known = {facts.engine.membership.node_id for facts in state.hosts}
    for node in state.nodes:
        if node.status == "ready" and node.id not in known and not permissions.allow_missing:
            yield Refusal(
                f"node {node.name} is in the swarm and would be left without managers", flag="--allow-missing"
            )


def _managers(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node.spec.role is Role.MANAGER)
