"""The JSON document of what is available for a restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from swarmnet.report.documents.base import Entry, Output, Text
from swarmnet.report.documents.restore import SupplyEntry, supply_entries

if TYPE_CHECKING:
    from swarmnet.model.at_hand import AtHand, BackupFound


class PlaceEntry(Entry):
    """A place where backups may be."""

    place: Text
    why: Text = Field(description="Why it was looked into.")
    backups: int | None = Field(description="null where it was not looked into: targets away from here.")
    problem: Text | None


class KeyEntry(Entry):
    """A file that may open backups."""

    path: Text
    why: Text
    problem: Text | None
    hint: Text | None


class OldHostEntry(Entry):
    """A host of the cluster that is to come back."""

    name: str
    role: str | None
    address: str


class BackupEntry(Entry):
    """The newest backup of a cluster, or a file that cannot be used."""

    name: Text
    place: Text
    cluster: str | None
    created: str | None = Field(description="ISO 8601.")
    complete: bool
    problem: Text | None
    hint: Text | None
    opened_by: Text | None = Field(description="The key that opens it; null where no available key does.")
    words: list[Text] = Field(description="What names it in commands: the backup, then options.")
    hosts: list[OldHostEntry]
    supplies: list[SupplyEntry] = Field(description="What no backup holds and the operator brings along.")


class ArchiveEntry(Entry):
    """The newest raft archive of a cluster."""

    name: Text
    cluster: str
    created: str = Field(description="ISO 8601.")
    words: list[Text] = Field(description="What names it in commands.")


class AtHandDocument(Output):
    """What ``restore --json`` prints."""

    ready: bool = Field(description="True when an available key opens a backup.")
    places: list[PlaceEntry]
    backups: list[BackupEntry]
    keys: list[KeyEntry]
    archives: list[ArchiveEntry] = Field(description="Managers' whole states, secrets included: restore raft.")
    next: list[Text] = Field(description="Commands to type now.")


def at_hand_document(found: AtHand, commands: list[str]) -> AtHandDocument:
    """Return what is available for programs."""
    return AtHandDocument(
        schema_=1,
        ready=found.is_ready,
        places=[
            PlaceEntry(place=one.place, why=one.why, backups=one.backups, problem=one.problem) for one in found.places
        ],
        backups=[_backup(one) for one in found.backups],
        keys=[KeyEntry(path=one.path, why=one.why, problem=one.problem, hint=one.hint) for one in found.keys],
        archives=[
            ArchiveEntry(name=one.name, cluster=one.cluster, created=one.created.isoformat(), words=list(one.words))
            for one in found.archives
        ],
        next=commands,
    )


def _backup(one: BackupFound) -> BackupEntry:
    return BackupEntry(
        name=one.name,
        place=one.place,
        cluster=one.cluster or None,
        created=None if one.created is None else one.created.isoformat(),
        complete=one.complete,
        problem=one.problem,
        hint=one.hint,
        opened_by=one.opened_by,
        words=list(one.words),
        hosts=[
            OldHostEntry(name=host.name, role=None if host.role is None else host.role.value, address=host.address)
            for host in one.hosts
        ],
        supplies=supply_entries(one.supplies),
    )
