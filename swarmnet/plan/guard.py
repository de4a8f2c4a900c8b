"""What is refused before anything is changed, and the flag that allows it. Pure.

The steps of a playbook refuse what makes themselves impossible (``Operation.problems``); the guard refuses what is
possible and costs more than somebody may have meant, and states in which no plan can be trusted.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError
from swarmnet.model.announced_losses import Health
from swarmnet.model.hosts import Role
from swarmnet.model.plan import MANAGED_LABEL, Risk
from swarmnet.model.standing import standing
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import LEAVE
from swarmnet.model.version import OLDEST_API
from swarmnet.operations.network.actions import ReplaceNetwork

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
    prune: bool = False
    """``--prune``: remove what swarmnet made and nothing provides any more."""
    dissolve: bool = False
    """``reset`` was confirmed with the cluster's name: its own actions take the swarm apart."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused."""

    text: str
    allowed_by: str | None = None
    """The flag that allows it, or what to do first; None when nothing does."""

    @property
    def can_be_allowed(self) -> bool:
        """True when a flag of the same command allows it."""
        return (self.allowed_by or "").startswith("--")

    def __str__(self) -> str:
        return self.text if self.allowed_by is None else f"{self.text} ({self.allowed_by})"


NO_PERMISSIONS = Permissions()


def check(refusals: Iterable[Refusal]) -> None:
    """Refuse with all reasons at once, if there are any.

    Raises:
        RefusedError: there are.
    """
    found = tuple(dict.fromkeys(refusals))
    if not found:
        return
    flags = [one.allowed_by for one in found if one.allowed_by is not None and one.can_be_allowed]
    hint = f"when you mean it: {' '.join(dict.fromkeys(flags))}" if len(flags) == len(found) else None
    raise RefusedError("refused, and nothing was changed:", hint=hint, details=(f"- {one}" for one in found))


def of_state(
    state: ClusterState,
    inventory: Inventory,
    permissions: Permissions = NO_PERMISSIONS,
    *,
    hosts: frozenset[str] | None = None,
) -> Iterator[Refusal]:
    """Yield what speaks against changing anything in this state; ``hosts`` are those concerned, None means all."""
    for failure in state.failures:
        if failure.disbelieved:
            # No flag allows it: whoever it is, it may be what another host of the inventory was.
            is_manager = inventory.host(failure.host).role is Role.MANAGER
            rest = "or take it out of the inventory" if is_manager else f"or work without it: --limit '!{failure.host}'"
            yield Refusal(f"{failure.host} {failure.reason}", f"mend {failure.host}, {rest}")
        elif not permissions.allow_missing and (hosts is None or failure.host in hosts):
            flags = f"--allow-missing, or --limit '!{failure.host}'"
            yield Refusal(f"{failure.host} does not answer: {failure.reason}", flags)
    yield from _old_engines(state)
    yield from _marked(state, inventory)
    if not permissions.dissolve:
        yield from _strays(state, inventory)
    elif not permissions.allow_missing:
        yield from _headless(state)


def of_plan(plan: Plan, state: ClusterState, permissions: Permissions = NO_PERMISSIONS) -> Iterator[Refusal]:
    """Yield what speaks against these actions in this state."""
    for action in plan.actions:
        if refusal := _costly(action, permissions):
            yield refusal
    if permissions.dissolve:
        yield from _orphans(state, permissions)
    else:
        yield from _quorum(plan, state)
    if state.swarm is not None and plan.predicted.swarm is not None and plan.predicted.swarm.id != state.swarm.id:
        yield Refusal(
            f"the plan would make another swarm beside {state.swarm.id}",
            "make its hosts leave it first: swarmnet reset",
        )


def _old_engines(state: ClusterState) -> Iterator[Refusal]:
    for facts in state.hosts:
        if facts.engine.api < OLDEST_API:
            yield Refusal(
                f"{facts.host} has engine {facts.engine.version} (API {facts.engine.api_version});"
                f" swarmnet needs 20.10 (API {OLDEST_API}) or newer",
                "update the engine",
            )


def _marked(state: ClusterState, inventory: Inventory) -> Iterator[Refusal]:
    """Yield a swarm that is another inventory's."""
    if state.swarm is None:
        return
    mark = state.swarm.spec.labels.get(MANAGED_LABEL, inventory.cluster)
    if mark != inventory.cluster:
        yield Refusal(
            f"the swarm is marked as cluster {mark!r}; {inventory.source} is of cluster {inventory.cluster!r}",
            "use that cluster's inventory",
        )


def _strays(state: ClusterState, inventory: Inventory) -> Iterator[Refusal]:
    """Yield hosts in a swarm that no manager of the inventory is in: a new one cannot have them."""
    found = standing(state, inventory)
    for reason in found.reasons if found.health is Health.ABSENT else ():
        yield Refusal(reason, f"use another host, or make it leave that swarm: {LEAVE}")


def _headless(state: ClusterState) -> Iterator[Refusal]:
    """Yield hosts in a swarm for which nobody answers, and which they would leave all the same."""
    for facts in state.hosts if state.swarm is None else ():
        membership = facts.engine.membership
        if membership.state is not SwarmStanding.INACTIVE:
            said = f": {membership.error}" if membership.error else ""
            yield Refusal(f"{facts.host} is in a swarm for which no manager answers{said}", "--allow-missing")


def _costly(action: Action, permissions: Permissions) -> Refusal | None:
    name = _name(action)
    if action.kind.startswith("prune."):
        return None if permissions.prune else Refusal(f"{action.target} would be removed: {action.why}", "--prune")
    if action.kind.startswith("reset."):
        return None if permissions.dissolve else Refusal(f"{action.target}: {action.why}", "swarmnet reset")
    if isinstance(action, ReplaceNetwork) and action.containers:
        users = ", ".join(action.containers)
        return Refusal(
            f"{action.target} cannot be replaced while containers that are no tasks use it: {users}",
            "remove these containers, or disconnect them (docker network disconnect), first",
        )
    is_replacement = action.kind.endswith(".replace")
    if not is_replacement and action.risk is not Risk.DESTRUCTIVE:
        return None
    if permissions.replace & {name, action.target}:
        return None
    what = "would be replaced, which interrupts what uses it" if is_replacement else "would lose something for good"
    return Refusal(f"{action.target} {what}: {action.why}", f"--replace {shlex.quote(name)}")


def _name(action: Action) -> str:
    """Return what the target's object is called: ``network my net on m1`` is ``my net``."""
    name = action.target.partition(" ")[2]
    host = getattr(action, "host", None)
    return name.removesuffix(f" on {host}") if host else name


def _quorum(plan: Plan, state: ClusterState) -> Iterator[Refusal]:
    """Yield a majority that the plan would lose; one that is lost already is told by ``of_state``."""
    before, after = _managers(state.nodes), _managers(plan.predicted.nodes)
    if not before or not after or len(after) >= len(before):
        return
    reachable = sum(node.reachability == "reachable" for node in after)
    if reachable <= len(after) // 2:
        yield Refusal(
            f"{reachable} of {len(after)} managers would be reachable afterwards: no quorum",
            "bring the unreachable managers back, or remove them, first",
        )


def _orphans(state: ClusterState, permissions: Permissions) -> Iterator[Refusal]:
    """Yield nodes that no host of the inventory is: without managers they are lost, and nobody tells them to leave."""
    known = {facts.engine.membership.node_id for facts in state.hosts}
    for node in state.nodes:
        if node.status == "ready" and node.id not in known and not permissions.allow_missing:
            yield Refusal(f"node {node.name} is in the swarm and would be left without managers", "--allow-missing")


def _managers(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node.spec.role is Role.MANAGER)
