"""Plans that install engines, and that replace them one by one. Pure.

Managers go first, one by one, the leader last: newer managers know what older workers ask, and an election costs time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import RefusedError
from swarmnet.model.find import of_host
from swarmnet.model.hosts import Availability, Role
from swarmnet.model.packages import numbers
from swarmnet.model.plan import Change, Plan
from swarmnet.model.ref import Ref
from swarmnet.model.state import TRIED_API
from swarmnet.model.swarm import NodeSpec
from swarmnet.operations.engine.actions import InstallEngine, UpgradeEngine
from swarmnet.operations.engine.choice import choice
from swarmnet.operations.engine.retreat import had, may_go
from swarmnet.operations.swarm.departure import stopped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.hosts import Inventory
    from swarmnet.model.packages import HostPackages, PackageQuestion
    from swarmnet.model.plan import Action
    from swarmnet.model.state import ClusterState
    from swarmnet.model.swarm import Node
    from swarmnet.operations.engine.choice import Choice

TRIED_ENGINE = "28.5"
"""The newest engine that tests run on, whose API is ``TRIED_API``."""
OLD_LISTS = 2 * 86_400.0
"""Seconds after which lists of packages are worth a word."""


@dataclass(frozen=True, slots=True)
class EngineWish:
    """What the operator asks for."""

    asked: PackageQuestion
    named: bool
    """Whether the operator named the hosts; else those of the inventory that do not answer are left out."""


def installed(wish: EngineWish, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that installs an engine on each host that has none.

    Raises:
        RefusedError: a named host does not answer, a host has no source of an engine, or apt would remove packages.
    """
    hosts, problems = _hosts(wish, state, inventory)
    actions: list[Action] = []
    for found in hosts:
        if state.facts(found.host) is not None:
            continue
        chosen = _chosen(found, wish, problems)
        if chosen is None:
            continue
        where = "it is installed, and does not answer" if chosen.is_there else "there is none"
        actions.append(
            InstallEngine(
                object=Ref(kind="engine", name=found.host),
                why=f"{where}; it starts with the host from now on",
                host=found.host,
                packages=chosen.missing,
                engine=chosen.engine,
                changes=_package_changes(found),
            )
        )
    return _plan(actions, wish, (state, inventory), (hosts, problems))


def upgraded(wish: EngineWish, state: ClusterState, inventory: Inventory) -> Plan:
    """Return the plan that replaces engines one by one.

    Raises:
        RefusedError: a host cannot be upgraded: says of each why; or the managers would lose their quorum.
    """
    hosts, problems = _hosts(wish, state, inventory)
    actions: list[Action] = []
    for found in sorted(hosts, key=lambda one: _turn(one.host, state)):
        facts = state.facts(found.host)
        if facts is None:
            problems += _silent(found, wish, state)
            continue
        if facts.engine.rootless:
            problems.append(f"{found.host} has a rootless engine, which is not one of the host's packages")
            continue
        chosen = _chosen(found, wish, problems)
        node = state.node_of(found.host)
        returns = node is not None and had(node) is not None
        if chosen is None or (chosen.is_there and facts.engine.version == chosen.engine and not returns):
            continue
        if node is not None and (why := may_go(node, state.nodes)):
            problems.append(f"{found.host} cannot be without its engine: {why}; {_ADVICE}")
            continue
        actions.append(_upgrade(found, facts.engine.version, chosen, state))
    return _plan(actions, wish, (state, inventory), (hosts, problems))


_ADVICE = "bring the others back first; of two managers, make one a worker meanwhile: swarmnet node demote HOST"


def _upgrade(found: HostPackages, present: str, chosen: Choice, state: ClusterState) -> UpgradeEngine:
    node = state.node_of(found.host)
    same = present == chosen.engine
    changes = (
        *(() if same else (Change(path="engine", before=present, after=chosen.engine),)),
        *_package_changes(found),
        *_availability(node),
    )
    return UpgradeEngine(
        object=Ref(kind="engine", name=found.host),
        why=_why(found.host, node, same=same and chosen.is_there),
        changes=changes,
        host=found.host,
        packages=chosen.missing,
        engine=chosen.engine,
        node_id="" if node is None else node.id,
        down=() if node is None else stopped(state, _without_tasks(state, node)),
    )


def _why(host: str, node: Node | None, *, same: bool) -> str:
    plain = "containers outside of services stop while it restarts"
    if node is None:
        return f"{host} is in no swarm; {plain}"
    before = had(node)
    if before is not None:
        left = "" if same else f"; {plain}"
        return f"an interrupted upgrade left it without tasks: it becomes {before} again{left}"
    if node.spec.availability is Availability.DRAIN:
        return f"it is drained and stays so; {plain}"
    return (
        f"its tasks move to other nodes, then it becomes {node.spec.availability or Availability.ACTIVE} again; {plain}"
    )


def _availability(node: Node | None) -> tuple[Change, ...]:
    before = None if node is None else had(node)
    if node is None or before is None:
        return ()
    return (Change(path="availability", before=str(node.spec.availability), after=before.value),)


def _package_changes(found: HostPackages) -> tuple[Change, ...]:
    return tuple(
        Change(
            path="package",
            before=None if one.before is None else f"{one.name} {one.before}",
            after=None if one.after is None else f"{one.name} {one.after}",
        )
        for one in found.changes
    )


def _hosts(wish: EngineWish, state: ClusterState, inventory: Inventory) -> tuple[list[HostPackages], list[str]]:
    """Return the hosts whose packages are known, in the inventory's order, and what is wrong with named others."""
    known = {one.host: one for one in state.packages}
    wanted = [host.name for host in inventory.hosts if host.name in wish.asked.hosts]
    unread = "its packages cannot be read"
    problems = [f"{name} {state.silence(name, unasked=unread)}" for name in wanted if name not in known]
    return [known[name] for name in wanted if name in known], problems if wish.named else []


def _reason(host: str, state: ClusterState) -> str:
    failure = of_host(state.failures, host)
    return "its packages cannot be read" if failure is None else failure.reason


def _silent(found: HostPackages, wish: EngineWish, state: ClusterState) -> list[str]:
    """Return what is wrong with a host whose engine does not answer; without one, only a named host is refused."""
    if not found.program:
        hint = f"swarmnet engine install -i INVENTORY {found.host}"
        return [f"{found.host} has no engine; {hint}"] if wish.named else []
    hint = f"swarmnet engine install -i INVENTORY {found.host} starts it"
    return [f"the engine of {found.host} does not answer: {_reason(found.host, state)}; {hint}"]


def _chosen(found: HostPackages, wish: EngineWish, problems: list[str]) -> Choice | None:
    """Return what a host is to have; what prevents it is added to the problems."""
    try:
        chosen = choice(found, wish.asked)
    except RefusedError as error:
        problems.append(f"{error}; {error.hint}" if error.hint else str(error))
        return None
    removed = [one.name for one in found.changes if one.after is None]
    if found.said:
        problems.append(f"apt on {found.host} does not install {chosen.packages[0]}: {found.said}")
    if removed:
        problems.append(
            f"apt on {found.host} would remove {', '.join(removed)} for {chosen.packages[0]}; remove them there first,"
            " when nothing needs them"
        )
    return None if found.said or removed else chosen


def _turn(host: str, state: ClusterState) -> tuple[bool, bool]:
    """Return the place of a host in the order: managers, the leader last, then workers, then what is in no swarm."""
    node = state.node_of(host)
    return node is None or node.spec.role is not Role.MANAGER, node is not None and node.is_leader


def _without_tasks(state: ClusterState, node: Node) -> ClusterState:
    spec = NodeSpec(role=node.spec.role, availability=Availability.DRAIN, labels=node.spec.labels)
    nodes = tuple(one.model_copy(update={"spec": spec}) if one.id == node.id else one for one in state.nodes)
    return state.model_copy(update={"nodes": nodes})


def _plan(
    actions: Iterable[Action],
    wish: EngineWish,
    seen: tuple[ClusterState, Inventory],
    looked: tuple[list[HostPackages], list[str]],
) -> Plan:
    state, inventory = seen
    hosts, problems = looked
    if problems:
        raise RefusedError("refused, and nothing was changed:", details=(f"- {one}" for one in problems))
    made = tuple(actions)
    warnings = tuple(_warnings(made, hosts, wish, state)) if made else ()
    return Plan(cluster=inventory.cluster, actions=made, warnings=warnings, predicted=state)


def _warnings(
    actions: tuple[Action, ...], hosts: list[HostPackages], wish: EngineWish, state: ClusterState
) -> Iterator[str]:
    old = [one.host for one in hosts if one.lists_age is not None and one.lists_age > OLD_LISTS]
    if old and wish.asked.version is None:
        yield f"the package lists of {', '.join(old)} are older than two days: --refresh fetches newer ones"
    unfinished = [one.host for one in hosts if one.unfinished]
    if unfinished:
        yield f"dpkg was interrupted on {', '.join(unfinished)}: what it left there is configured first"
    engines = {one.engine for one in actions if isinstance(one, InstallEngine | UpgradeEngine)}
    new = sorted(one for one in engines if numbers(one)[:2] > numbers(TRIED_ENGINE))
    if new:
        yield f"engine {', '.join(new)} is newer than {TRIED_ENGINE} (API {TRIED_API}), the newest that tests run on"
    managers = [one for one in state.nodes if one.spec.role is Role.MANAGER]
    if len(managers) == 1 and any(getattr(one, "node_id", "") == managers[0].id for one in actions):
        yield f"{managers[0].name} is the only manager: while its engine restarts, the swarm takes no commands"
