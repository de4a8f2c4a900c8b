"""Archive a manager's whole state, secrets included, and bring it back. All I/O comes in as arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import ConvergenceError, HostError, LockedError, WrongKeyError
from swarmnet.model.clock import wait_until
from swarmnet.model.events import Progress
from swarmnet.model.find import by_id
from swarmnet.model.ports import progress
from swarmnet.model.raft_archive import Member, RaftManifest
from swarmnet.model.standing import answered
from swarmnet.model.state import SwarmStanding
from swarmnet.operations.swarm.raft import PAUSE, read_state
from swarmnet.operations.swarm.recover import asks_for_autolock
from swarmnet.plan.guard import Permissions
from swarmnet.plan.recovery.raft import brought_back, source
from swarmnet.workflows.apply import Goal, apply
from swarmnet.workflows.fleet.data_path import kept_data_path
from swarmnet.workflows.fleet.observe import Look
from swarmnet.workflows.fleet.settle import observe_settled
from swarmnet.workflows.lock.holders import living
from swarmnet.workflows.recover import OneManager
from swarmnet.workflows.unlock import Answer, unlock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from swarmnet.model.backup import Reason
    from swarmnet.model.base import Secret
    from swarmnet.model.lock import Operator
    from swarmnet.model.ports import Ports
    from swarmnet.model.report import ApplyReport
    from swarmnet.model.sealed import SealedRaft, Sink, Vault, WritableRepository
    from swarmnet.plan.recovery.raft import RaftWish, Source
    from swarmnet.workflows.apply import Terms

BACK_LIMIT = 120.0
"""Seconds for an engine that was started again to be a manager that the others reach."""


@dataclass(frozen=True, slots=True)
class RaftOrder:
    """The requested archive."""

    backup_id: str
    """32 hex digits, random: part of the name."""
    created: datetime
    tool: str
    reason: Reason
    manager: str | None = None
    """Name of the manager; None takes the one whose stop costs least."""
    tags: tuple[str, ...] = ()
    allow_outage: bool = False
    pause: int = PAUSE
    """Seconds after which the host starts its engine again whatever happens."""


@dataclass(frozen=True, slots=True)
class ArchivedRaft:
    """An archive that was written and opened again, of an engine that is back in its swarm."""

    path: Path
    size: int
    manifest: RaftManifest
    seconds: float
    """From the stop of the engine until the others reached it again."""


def archive(
    ports: Ports,
    order: RaftOrder,
    *,
    vault: Vault,
    repository: WritableRepository,
    operator: Operator,
    agree: Callable[[Source], None],
) -> ArchivedRaft:
    """Choose a manager, ask, stop its engine, seal its state as it is read, start it, and wait until it is back.

    Args:
        ports: the world.
        order: the requested archive.
        vault: seals it.
        repository: where it goes.
        operator: this run, to recognise locks of runs that are gone.
        agree: asks the operator; raises where they do not agree.

    Raises:
        RefusedError: the majority would be lost, or the named manager cannot be taken.
        LockedError: another run is changing the cluster.
        CommandError: the engine cannot be stopped or read; it is started again.
        ConvergenceError: the archive is written, and the engine does not come back.
    """
    cluster = ports.inventory.cluster
    state = observe_settled(ports, Look())
    answered(state, ports.inventory, hosts=())
    chosen = source(state, ports.inventory, order.manager, allow_outage=order.allow_outage)
    agree(chosen)
    holder, _released = living(ports, state, operator)
    if holder is not None:
        raise LockedError(f"cluster {cluster} is being changed: locked by {holder}", hint="run again when it has ended")
    key = ports.manager().unlock_key()
    manifest = _manifest(ports, order, chosen, autolock=key is not None)
    begun = ports.clock.monotonic()

    def produce(sink: Sink) -> RaftManifest:
        ports.listener(Progress(f"{chosen.host}: stopping its engine, reading its state"))
        read_state(ports, chosen.host, sink, pause=order.pause)
        ports.listener(Progress(f"{chosen.host}: its engine is started again"))
        return manifest

    def fill(part: BinaryIO) -> SealedRaft:
        return vault.seal_raft(produce, part, reason=order.reason)

    try:
        with repository.locked(cluster):
            path = repository.receive(cluster, order.backup_id, fill)
    finally:
        _back(ports, chosen, key)
    return ArchivedRaft(path, path.stat().st_size, manifest, ports.clock.monotonic() - begun)


def _manifest(ports: Ports, order: RaftOrder, chosen: Source, *, autolock: bool) -> RaftManifest:
    engine = chosen.facts.engine
    membership = engine.membership
    return RaftManifest(
        id=order.backup_id,
        created=order.created,
        tool=order.tool,
        cluster=ports.inventory.cluster,
        tags=order.tags,
        cluster_id=membership.cluster_id,
        host=chosen.host,
        node_id=membership.node_id,
        engine=engine.version,
        address=membership.address,
        data_path=kept_data_path(ports, chosen.host, engine, ports.listener) or None,
        autolock=autolock,
        members=tuple(Member(node_id=node, address=address) for node, address in membership.members),
    )


def _back(ports: Ports, chosen: Source, key: Secret | None) -> None:
    """Wait until the others reach the manager again; of an autolocked swarm, it comes back locked."""

    def look() -> tuple[bool | None, str]:
        try:
            engine = ports.engine(chosen.host)
            if key is not None and engine.facts().membership.state is SwarmStanding.LOCKED:
                engine.unlock_swarm(key)
            node = by_id(engine.nodes.list(), chosen.node.id)
        except HostError as error:
            return None, str(error)
        back = node is not None and node.reachability == "reachable" and node.status == "ready"
        return (True if back else None), "it is not reached by the others" if node is None else node.status

    what = f"{chosen.host} to be back in the swarm"
    wait_until(ports.clock, look, what=what, timeout=BACK_LIMIT, every=0.2, tell=progress(ports))


def bring_back(ports: Ports, wish: RaftWish, terms: Terms, *, key: Secret | None = None) -> ApplyReport:
    """Put an archived state in its place and begin the swarm from it; interrupted, the same call does the rest.

    Args:
        ports: the world.
        wish: which archive, and where.
        terms: on what terms things change.
        key: unlocks the swarm; None for one that is not autolocked.

    Raises:
        RefusedError: engines cannot, or there could be two swarms (``plan.recovery.raft.brought_back``).
        WrongKeyError: the state is in its place, and another key unlocks it.
        ConvergenceError: it is unlocked, and does not lead its swarm.
    """
    wish = replace(wish, has_key=key is not None)
    root = ports.engine(wish.host).facts().data_root
    goal = Goal(
        partial(brought_back, wish, inventory=ports.inventory),
        Look(needs=(asks_for_autolock(wish.host, root),), believed=wish.host),
        Permissions(allow_missing=True, returning=True),
        f"restore raft {wish.manifest.id[:8]}",
        headless=True,
    )
    report = apply(OneManager(ports, wish.host), goal, terms)
    if key is not None and report.exit_code == 0:
        _unlock(ports, wish, key)
    silent = tuple(one for one in report.failures if one.host not in wish.lost)
    return report.model_copy(update={"failures": silent})


def _unlock(ports: Ports, wish: RaftWish, key: Secret) -> None:
    (ended,) = unlock(ports, key, (wish.host,))
    if ended.answer is Answer.WRONG_KEY:
        raise WrongKeyError(
            f"{wish.host} has the state, and another key unlocks it: {ended.detail}",
            hint="run the same command again with the key that the swarm had when the archive was taken",
        )
    if ended.answer is Answer.FAILED:
        raise ConvergenceError(
            f"{wish.host} does not lead its swarm: {ended.detail}", hint="run the same command again"
        )
