"""What is available for a restore: repositories, the newest backup of each cluster, keys; and what it will need."""

from __future__ import annotations

from pydantic import AwareDatetime

from swarmnet.model.base import Count, Document, Flag
from swarmnet.model.hosts import Role
from swarmnet.model.supply import Supply


class PlaceFound(Document):
    """A place that was looked into, or that a schedule copies to."""

    place: str
    why: str
    """Why it was looked into, for people."""
    backups: Count | None = None
    """How many are there; None where it was not looked into."""
    problem: str | None = None


class KeyFound(Document):
    """A file that may open backups."""

    path: str
    why: str
    words: tuple[str, ...] = ()
    """What to add to commands so that they use it; nothing for the key directory's own."""
    problem: str | None = None
    hint: str | None = None


class OldHost(Document):
    """One host of the cluster that is to come back."""

    name: str
    role: Role | None = None
    address: str = ""


class BackupFound(Document):
    """The newest backup of a cluster, or a file that cannot be used."""

    name: str
    place: str
    cluster: str = ""
    created: AwareDatetime | None = None
    complete: Flag = False
    problem: str | None = None
    hint: str | None = None
    """What to do about the problem."""
    opened_by: str | None = None
    """The path of the key that opens it; None where no available key does."""
    words: tuple[str, ...] = ()
    """What names it in commands: the backup, then options."""
    hosts: tuple[OldHost, ...] = ()
    """The hosts that it was taken from; known once it is open."""
    supplies: tuple[Supply, ...] = ()


class ArchiveFound(Document):
    """The newest raft archive of a cluster: the whole state of one manager, secrets included."""

    name: str
    cluster: str
    created: AwareDatetime
    words: tuple[str, ...] = ()
    """What names it in commands, without a key."""


class AtHand(Document):
    """All of it."""

    places: tuple[PlaceFound, ...]
    backups: tuple[BackupFound, ...]
    keys: tuple[KeyFound, ...]
    archives: tuple[ArchiveFound, ...] = ()

    @property
    def is_ready(self) -> bool:
        """True when an available key opens a backup."""
        return any(one.opened_by is not None for one in self.backups)
