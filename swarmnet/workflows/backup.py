"""Create, rewrap, prune and compare backups. All I/O comes in as arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import (
    BackupNotFoundError,
    DamagedError,
    HostError,
    IncompleteError,
    LockedError,
    NothingReachableError,
    SwarmnetError,
)
from swarmnet.model.backup import BackupDocument, Reason
from swarmnet.model.clock import look_until
from swarmnet.model.events import Progress
from swarmnet.model.hosts import Inventory
from swarmnet.model.ports import names
from swarmnet.model.standing import answered, standing
from swarmnet.model.state import ClusterState, HostFailure
from swarmnet.plan.recovery.describe import document, own
from swarmnet.plan.recovery.drift import drift
from swarmnet.plan.recovery.host_map import host_map, seen_as
from swarmnet.plan.recovery.retention import to_remove
from swarmnet.plan.recovery.steady import moved
from swarmnet.workflows.backup_lookup import listing, opened, proved
from swarmnet.workflows.fleet.cluster_view import listed
from swarmnet.workflows.fleet.observe import RECORDED, observe
from swarmnet.workflows.fleet.settle import observe_settled
from swarmnet.workflows.lock.holders import living
from swarmnet.workflows.lock.lock import RETRY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import BinaryIO

    from swarmnet.model.differences import Drift
    from swarmnet.model.events import Listener
    from swarmnet.model.lock import Holder, Operator
    from swarmnet.model.ports import Ports
    from swarmnet.model.sealed import Entry, Repository, SealedHeader, SealedRaft, Vault, WritableRepository
    from swarmnet.model.sources import Sources
    from swarmnet.plan.recovery.retention import Keep
    from swarmnet.workflows.fleet.observe import Look


LOOKS_AGAIN = 10.0
"""Seconds in which the look is repeated when a change ended during it."""
STEADY_LOOKS = 3
"""Looks at a cluster that changes by itself, as while a service is updated; the last one counts, marked fuzzy."""


@dataclass(frozen=True, slots=True)
class Order:
    """The requested backup."""

    cluster: str
    backup_id: str
    """32 hex digits, random: part of the name."""
    created: datetime
    tool: str
    reason: Reason = Reason.MANUAL
    tags: tuple[str, ...] = ()
    inventory: Inventory | None = None
    """The hosts: those that were not asked at all (``--limit``) make the backup partial, too."""
    allow_partial: bool = False
    """Write one even when no manager answered for the cluster."""
    sources: Sources | None = None
    """The playbook that made the cluster, with its files."""

    @property
    def hosts(self) -> Inventory:
        """Return the hosts that a complete backup has."""
        return self.inventory or Inventory(cluster=self.cluster, hosts=())


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was written, read back, opened and compared."""

    path: Path
    document: BackupDocument
    size: int
    lacks: tuple[str, ...] = ()
    """What was to be in it and is not, in words."""
    url: str = ""
    """Where it was brought at once, where the repository is a target away from here; nothing is at the path then."""


def create(
    order: Order,
    observe: Callable[[], ClusterState],
    *,
    vault: Vault,
    repository: WritableRepository,
    listener: Listener,
    now: Callable[[], datetime] | None = None,
) -> Taken:
    """Observe, describe, seal, open again and compare, write; the caller checks ``completeness`` afterwards.

    ``now`` gives the time of the backup once everything was seen, which may have waited for others; without it, the
    order's time counts.

    Raises:
        NothingReachableError: not one host answered.
        IncompleteError: no manager answered for the cluster, and a part was not asked for.
        LockedError: another backup of the cluster runs.
        SwarmnetError: no space; nothing is left behind.
    """
    with repository.locked(order.cluster):
        state = _with_left_out(observe(), order.hosts)
        _enough(state, order)
        taken = document(
            state,
            cluster=order.cluster,
            backup_id=order.backup_id,
            created=now() if now is not None else order.created,
            tool=order.tool,
            reason=order.reason,
        ).model_copy(update={"tags": order.tags, "sources": order.sources})
        listener(Progress("sealing"))
        blob = vault.seal(taken)

        def check(read_back: bytes) -> None:
            vault.header(read_back)
            if vault.can_open and vault.open(read_back) != taken:
                raise DamagedError("the backup does not open to what was sealed")

        path = repository.write(taken, blob, check=check)
    return Taken(path, taken, len(blob))


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """One look: the run that changes the cluster, whether one just ended, and what moved where there was none."""

    state: ClusterState
    holder: Holder | None = None
    released: bool = False
    moved: tuple[str, ...] = ()


def undisturbed(ports: Ports, look: Look, operator: Operator, *, wait: float = 0.0) -> ClusterState:
    """Return the state while no operator changes it: a state in the middle of a change is not worth restoring.

    It is a state of one moment: listed again, nothing in it has changed. Of a cluster that changes by itself at each of
    three looks, as while a service is updated, it is the last one, and ``moved`` says what changed.

    Args:
        ports: the world.
        look: what to look at.
        operator: this run, to recognise locks of runs that are gone.
        wait: seconds to wait for the end of a change.

    Raises:
        LockedError: another run is still changing it; says which, since when, and how to break the lock.
    """
    is_reported, looks = False, 0

    def again() -> Undisturbed:
        nonlocal looks
        state = observe_settled(ports, look)
        holder, released = living(ports, state, operator)
        if holder is not None or released:
            return Undisturbed(state, holder, released=released)
        looks += 1
        return Undisturbed(state, moved=since(ports, state))

    def enough(seen: Undisturbed) -> bool:
        nonlocal is_reported
        if seen.holder is not None:
            if wait and not is_reported:
                is_reported = True
                ports.listener(Progress(f"waiting for the end of a change: locked by {seen.holder}"))
            return not wait
        if seen.moved and looks < STEADY_LOOKS:
            ports.listener(Progress(f"looking again, changed meanwhile: {names(seen.moved)}"))
        return not seen.released and (not seen.moved or looks == STEADY_LOOKS)

    seen = look_until(ports.clock, again, enough, limit=max(wait, LOOKS_AGAIN), every=RETRY)
    if seen.holder is not None or seen.released:
        raise LockedError(
            f"cluster {ports.inventory.cluster} is being changed, no backup was taken:"
            f" locked by {seen.holder or 'a run that cannot be identified'}",
            hint="wait with --lock-wait SECONDS; if that run no longer exists: swarmnet lock break -i FILE",
        )
    return seen.state.model_copy(update={"moved": seen.moved})


def since(ports: Ports, state: ClusterState) -> tuple[str, ...]:
    """Return what changed in the swarm since it was looked at; what cannot be asked again counts as changed."""
    if state.swarm is None:
        return ()
    try:
        return moved(state, listed(ports.manager(), ports.clock))
    except HostError:  # the leader was lost meanwhile
        return ("swarm/leader",)


def _with_left_out(state: ClusterState, inventory: Inventory) -> ClusterState:
    known = {*(facts.host for facts in state.hosts), *(failure.host for failure in state.failures)}
    names = (host.name for host in inventory.hosts)
    left_out = tuple(HostFailure(host=name, reason="left out by --limit") for name in names if name not in known)
    return state.model_copy(update={"failures": (*state.failures, *left_out)})


def _enough(state: ClusterState, order: Order) -> None:
    if not state.hosts:
        reasons = "; ".join(f"{failure.host}: {failure.reason}" for failure in state.failures)
        raise NothingReachableError(f"no host of {order.cluster} answered: {reasons}", hint="nothing was written")
    if state.swarm is None and not order.allow_partial:
        found = standing(state, order.hosts)
        why = "; ".join(found.reasons) or f"no host is in a swarm ({names(facts.host for facts in state.hosts)})"
        first = f"{found.cure}; " if found.cure else ""
        raise IncompleteError(
            f"cluster {order.cluster}: {why}",
            hint=f"{first}nothing was written; --allow-partial keeps what the hosts themselves report",
        )


def compare(
    before: BackupDocument,
    after: BackupDocument | ClusterState,
    mapping: Mapping[str, str] | None = None,
    *,
    hosts: frozenset[str] | None = None,
) -> Drift:
    """Return how another backup, or what is there now, differs from a backup.

    Args:
        before: the older backup.
        after: the newer one, or the live cluster.
        mapping: old host name to the host that replaces it; hosts with the same name need no entry.
        hosts: new names of those whose own networks are compared; None means all.

    Raises:
        UsageError: the mapping names unknown hosts, or one twice.
    """
    state = after.state if isinstance(after, BackupDocument) else own(after)
    present = [facts.host for facts in state.hosts]
    taken = host_map((facts.host for facts in before.state.hosts), present, mapping or {})
    return drift(seen_as(before.state, state, taken), state, hosts=hosts)


def compare_with_live(
    before: BackupDocument, ports: Ports, mapping: Mapping[str, str], *, hosts: frozenset[str] | None = None
) -> Drift:
    """Return how what is there now differs from a backup; the arguments are those of ``compare``.

    Raises:
        IncompleteError: no manager answers for the swarm: everything in it would look removed.
    """
    state = observe(ports, replace(RECORDED, hosts=hosts))
    answered(state, ports.inventory, hosts=())
    return compare(before, state, mapping, hosts=hosts)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """One backup that was to be sealed again."""

    entry: Entry
    changed: bool
    """False without a problem: it was for the present recipients already."""
    problem: SwarmnetError | None = None


def rewrap(
    entries: tuple[Entry, ...],
    wanted: frozenset[str],
    *,
    repository: WritableRepository,
    vault: Vault,
    listener: Listener,
) -> tuple[Rewrapped, ...]:
    """Seal backups again, for the vault's recipients and signed by its key, each replaced whole or left as it was.

    Args:
        entries: of the repository, with their headers.
        wanted: fingerprints of the present recipients: a backup sealed to exactly these stays as it is.
        repository: where they lie.
        vault: opens the old form and seals the new one.
        listener: receives an event for each.
    """
    return tuple(_rewrap(entry, wanted, repository, vault, listener) for entry in entries)


def _rewrap(
    entry: Entry, wanted: frozenset[str], repository: WritableRepository, vault: Vault, listener: Listener
) -> Rewrapped:
    if entry.header is None or entry.problem is not None:
        return Rewrapped(entry, changed=False, problem=entry.problem)
    if frozenset(entry.header.recipients) == wanted:
        return Rewrapped(entry, changed=False)
    listener(Progress(f"sealing {entry.name} again"))
    try:
        with repository.locked(entry.header.cluster):
            if entry.header.is_raft:
                _rewrap_raft(entry, entry.header, repository, vault)
                return Rewrapped(entry, changed=True)
            document = opened(entry, repository=repository, vault=vault)
            repository.write(document, vault.seal(document), check=vault.header)
    except SwarmnetError as error:
        return Rewrapped(entry, changed=False, problem=error)
    return Rewrapped(entry, changed=True)


def _rewrap_raft(entry: Entry, header: SealedHeader, repository: WritableRepository, vault: Vault) -> None:
    with repository.opened(entry) as old:

        def fill(part: BinaryIO) -> SealedRaft:
            return vault.seal_raft(lambda sink: vault.open_raft(old, sink), part, reason=header.reason)

        repository.receive(header.cluster, header.id, fill)


@dataclass(frozen=True, slots=True)
class Pruned:
    """One backup that no rule keeps."""

    entry: Entry
    problem: SwarmnetError | None = None
    """Why it could not be removed."""


def prune(
    keep: Keep, cluster: str, *, repository: Repository, vault: Vault, now: datetime, remove: bool
) -> tuple[Pruned, ...]:
    """Return what the rules do not keep, and remove it when ``remove`` says so.

    All of each file is read: a backup that only seems to be there must not be why another one goes.

    Raises:
        BackupNotFoundError: there is no repository, or no backup of the cluster in it.
        RefusedError: removing anything would be wrong.
    """
    if not repository.entries(cluster):
        hint = "`swarmnet backup list` shows what there is"
        raise BackupNotFoundError(f"there is no backup of cluster {cluster!r} in {repository.place}", hint=hint)
    with repository.locked(cluster):
        whole = [proved(entry, repository, vault) for entry in listing(repository, vault, cluster)]
        return tuple(_removed(entry, repository, remove=remove) for entry in to_remove(whole, keep, now))


def _removed(entry: Entry, repository: Repository, *, remove: bool) -> Pruned:
    try:
        if remove:
            repository.remove(entry)
    except SwarmnetError as error:
        return Pruned(entry, error)
    return Pruned(entry)
