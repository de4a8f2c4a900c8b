"""The stories of backups: take one, list, check, compare, prune. All I/O comes in as arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from swarmnet.errors import (
    DamagedError,
    IncompleteError,
    NothingReachableError,
    SchemaError,
    SwarmnetError,
    WrongKeyError,
)
from swarmnet.model.backup import BackupDocument, Reason
from swarmnet.model.ports import Progress, names
from swarmnet.model.state import ClusterState, HostFailure
from swarmnet.plan.document import document
from swarmnet.plan.drift import drift
from swarmnet.plan.moving import host_map, seen_as
from swarmnet.plan.retention import to_remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from swarmnet.model.drift import Drift
    from swarmnet.model.ports import Listener
    from swarmnet.model.sealed import Entry, Repository, SealedHeader, Vault
    from swarmnet.plan.retention import Keep

UNTRUSTED = (DamagedError, WrongKeyError, SchemaError)
"""What makes a backup unusable here, as opposed to the repository."""


@dataclass(frozen=True, slots=True)
class Order:
    """The backup that is asked for."""

    cluster: str
    backup_id: str
    """32 hex digits, random: part of the name."""
    created: datetime
    tool: str
    reason: Reason = Reason.MANUAL
    tags: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    """Names of the inventory's hosts: those that were not asked at all (``--limit``) make the backup partial, too."""
    allow_partial: bool = False
    """Write one even when no manager answered for the cluster."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was written, read back, opened and compared."""

    path: Path
    document: BackupDocument
    size: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of one backup found."""

    entry: Entry
    opened: bool
    """False with a sound signature means: decryptability unproven, since no identity was at hand."""
    problem: DamagedError | WrongKeyError | SchemaError | None = None


def create(
    order: Order, observe: Callable[[], ClusterState], *, vault: Vault, repository: Repository, listener: Listener
) -> Taken:
    """Observe, describe, seal, open again and compare, write; the caller looks at ``completeness`` afterwards.

    Raises:
        NothingReachableError: not one host answered.
        IncompleteError: no manager answered for the cluster, and a part was not asked for.
        LockedError: another backup of the cluster runs.
        SwarmnetError: no space; nothing is left behind.
    """
    with repository.locked(order.cluster):
        state = _with_left_out(observe(), order.expected)
        _enough(state, order)
        taken = document(
            state,
            cluster=order.cluster,
            backup_id=order.backup_id,
            created=order.created,
            tool=order.tool,
            reason=order.reason,
        ).model_copy(update={"tags": order.tags})
        listener(Progress("sealing"))
        blob = vault.seal(taken)

        def check(read_back: bytes) -> None:
            vault.header(read_back)
            if vault.can_open and vault.open(read_back) != taken:
                raise DamagedError("the backup does not open to what was sealed")

        path = repository.write(taken, blob, check=check)
    return Taken(path, taken, len(blob))


def _with_left_out(state: ClusterState, expected: Iterable[str]) -> ClusterState:
    known = {*(facts.host for facts in state.hosts), *(failure.host for failure in state.failures)}
    left_out = tuple(HostFailure(host=name, reason="left out by --limit") for name in expected if name not in known)
    return state.model_copy(update={"failures": (*state.failures, *left_out)})


def _enough(state: ClusterState, order: Order) -> None:
    if not state.hosts:
        reasons = "; ".join(f"{failure.host}: {failure.reason}" for failure in state.failures)
        raise NothingReachableError(f"no host of {order.cluster} answered: {reasons}", hint="nothing was written")
    if state.swarm is None and not order.allow_partial:
        raise IncompleteError(
            f"no manager answers for {order.cluster} (seen: {names(facts.host for facts in state.hosts)}):"
            " swarm networks and services cannot be seen",
            hint="nothing was written; --allow-partial keeps what the hosts themselves say",
        )


def listing(repository: Repository, vault: Vault, cluster: str | None = None) -> tuple[Entry, ...]:
    """Return the backups, newest first, each with its header or with what is wrong with it."""
    return tuple(with_header(entry, repository, vault) for entry in repository.entries(cluster))


def with_header(entry: Entry, repository: Repository, vault: Vault) -> Entry:
    """Return the entry with its header, or with what is wrong with it."""
    try:
        return replace(entry, header=vault.header(repository.read(entry)))
    except UNTRUSTED as error:
        return replace(entry, problem=error.message)


def opened(reference: str, *, repository: Repository, vault: Vault, cluster: str | None = None) -> BackupDocument:
    """Return the document of one backup; raises what finding, checking and opening raise."""
    return vault.open(repository.read(repository.find(reference, cluster=cluster)))


def header_of(reference: str, *, repository: Repository, vault: Vault, cluster: str | None = None) -> SealedHeader:
    """Return what one backup tells without a key, checked; raises what finding and checking raise."""
    return vault.header(repository.read(repository.find(reference, cluster=cluster)))


def check(entries: tuple[Entry, ...], *, repository: Repository, vault: Vault) -> tuple[Checked, ...]:
    """Check signature and digest of each backup, and open it where an identity is at hand."""
    results: list[Checked] = []
    for entry in entries:
        blob = repository.read(entry)
        try:
            if vault.can_open:
                vault.open(blob)
            else:
                vault.header(blob)
        except UNTRUSTED as error:
            results.append(Checked(entry, opened=False, problem=error))
        else:
            results.append(Checked(entry, opened=vault.can_open))
    return tuple(results)


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
        mapping: old host name to the one that took its place; hosts of the same name need no word.
        hosts: new names of those whose own networks are compared; None means all.

    Raises:
        UsageError: the mapping makes no sense.
    """
    state = after.state if isinstance(after, BackupDocument) else after
    present = [facts.host for facts in state.hosts]
    taken = host_map((facts.host for facts in before.state.hosts), present, mapping or {})
    return drift(seen_as(before.state, state, taken), state, hosts=hosts)


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """One backup that was to be sealed anew."""

    entry: Entry
    changed: bool
    """False with no problem means: it was for the present recipients already."""
    problem: SwarmnetError | None = None


def rewrap(
    entries: tuple[Entry, ...],
    wanted: frozenset[str],
    *,
    repository: Repository,
    vault: Vault,
    listener: Listener,
) -> tuple[Rewrapped, ...]:
    """Seal backups anew, for the vault's recipients and signed by its key, each replaced whole or left as it was.

    Args:
        entries: of the repository.
        wanted: fingerprints of the present recipients: what is sealed to just them is left alone.
        repository: where they lie.
        vault: opens the old form and seals the new one.
        listener: is told of each one.
    """
    return tuple(_rewrap(entry, wanted, repository, vault, listener) for entry in entries)


def _rewrap(
    entry: Entry, wanted: frozenset[str], repository: Repository, vault: Vault, listener: Listener
) -> Rewrapped:
    try:
        blob = repository.read(entry)
        header = vault.header(blob)
        if frozenset(header.recipients) == wanted:
            return Rewrapped(entry, changed=False)
        listener(Progress(f"sealing {entry.name} anew"))
        document = vault.open(blob)
        with repository.locked(document.cluster):
            path = repository.write(document, vault.seal(document), check=vault.header)
            if path.name != entry.path.name:  # somebody had renamed the old file
                repository.remove(entry)
    except SwarmnetError as error:
        return Rewrapped(entry, changed=False, problem=error)
    return Rewrapped(entry, changed=True)


def prune(
    keep: Keep, cluster: str, *, repository: Repository, vault: Vault, now: datetime, remove: bool
) -> tuple[Entry, ...]:
    """Return what the rules do not keep, and remove it when ``remove`` says so."""
    with repository.locked(cluster):
        doomed = to_remove(listing(repository, vault, cluster), keep, now)
        if remove:
            for entry in doomed:
                repository.remove(entry)
    return doomed
