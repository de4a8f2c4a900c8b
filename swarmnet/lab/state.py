"""What the machine knows about its labs: one journal per lab, written before anything is made.

With the journal, ``down`` can clean up after a run that was killed at any moment: it has every name that the lab uses
(control group, interface, subnet, directories) before the first of them exists.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt, StrictStr, ValidationError, model_validator

from swarmnet.errors import LabError, UsageError
from swarmnet.files import locked, write_atomically
from swarmnet.lab.machine.processes import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE_VARIABLE = "SWARMNET_LAB_STATE"
_DEFAULT_STATE = "/var/lib/swarmnet/labs"
_LOCK = Path("/run/swarmnet-lab-journals.lock")
"""Not in the state directory, where nothing may stay: a boot empties ``/run``."""
_JOURNAL_FILE = re.compile(r"lab\.json(\.new)?|\.lab\.json\.[0-9a-f]+")
"""A journal, and what is left where writing one was interrupted; ``lab.json.new`` is what older versions leave."""
_ASIDE = re.compile(r"\.swarmnet-lab-[0-9a-f]{8}-(new|old)")
"""Directories of labs that do not have their name yet, or no longer."""

KernelKind = Literal["shared", "own"]
LabRole = Literal["manager", "worker", "none"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Record):
    """One thing that is broken on purpose.

    :mod:`swarmnet.lab.faults` knows which options each kind takes. Journals of older versions have them next to
    ``host`` and ``kind``; they are read the same.
    """

    host: str
    kind: str
    options: dict[str, StrictStr | StrictInt | StrictFloat] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, data: object) -> object:
        if not isinstance(data, dict) or "options" in data:
            return data
        options = {key: value for key, value in data.items() if key not in {"host", "kind"} and value is not None}
        return {**{key: data[key] for key in ("host", "kind") if key in data}, "options": options}

    def matches(self, pattern: Fault) -> bool:
        """Return whether the pattern has the same host and kind, and no option with another value."""
        same = (self.host, self.kind) == (pattern.host, pattern.kind)
        return same and pattern.options.items() <= self.options.items()


class HostRecord(_Record):
    """One host of a lab."""

    name: str
    address: IPv4Address
    mac: str
    port: str
    """The host's interface on the switch, at most 15 characters."""
    engine: str
    root: Path
    """The cached root file system below the host's own files."""
    role: LabRole
    """``none``: known to the lab, but not a host of the inventory."""
    kernel: KernelKind = "shared"
    kernel_root: Path | None = None
    """The cached root file system that holds the host's own kernel; None for shared kernels."""
    processor: int | None = None
    """The processor of the machine that runs the host's own kernel; None is any."""


class LabRecord(_Record):
    """The journal of one lab."""

    version: Literal[1] = 1
    name: str
    id: str
    subnet: IPv4Network
    hosts: tuple[HostRecord, ...]
    faults: tuple[Fault, ...] = ()
    phase: Literal["starting", "up"]
    owner: tuple[int, int]
    """Pid and start time of the process that brings the lab up."""
    inventory: Path
    disk_gib: int

    @property
    def leg(self) -> str:
        """The operator's interface into the lab."""
        return f"snl{self.id}"

    @property
    def group(self) -> str:
        """The lab's directory in every control group hierarchy."""
        return f"swarmnet-lab-{self.id}"

    @property
    def operator_address(self) -> IPv4Address:
        """The operator's address in the lab."""
        return self.subnet[1]

    def host(self, name: str) -> HostRecord:
        """Return the host called ``name``.

        Raises:
            UsageError: The lab has no such host.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise UsageError(
            f"lab {self.name} has no host {name!r}", hint=f"it has {', '.join(host.name for host in self.hosts)}"
        )

    def being_started(self) -> bool:
        """Return whether a live process is bringing this lab up right now."""
        return self.phase == "starting" and ProcessIdentity(*self.owner).alive()


@dataclass(frozen=True, slots=True)
class LabStore:
    """The directory with the journals and the disks of this machine's labs."""

    base: Path

    @classmethod
    def default(cls) -> LabStore:
        """Return the store of this machine, or the one that ``SWARMNET_LAB_STATE`` names.

        Raises:
            UsageError: The path cannot be part of overlayfs mount options.
        """
        base = Path(os.environ.get(STATE_VARIABLE, _DEFAULT_STATE)).absolute()
        if set(str(base)) & set(":,\\ \n"):
            raise UsageError(f"{STATE_VARIABLE}={str(base)!r}: the path must not contain blanks, colons or commas")
        return cls(base)

    def directory(self, name: str) -> Path:
        """Return the directory of one lab."""
        return self.base / name

    def names(self) -> list[str]:
        """Return the names of all labs with a journal here."""
        if not self.base.is_dir():
            return []
        found = (path.parent for path in self.base.glob("*/lab.json"))
        return sorted(path.name for path in found if not path.name.startswith(".") and not path.is_symlink())

    def load(self, name: str) -> LabRecord:
        """Read the journal of one lab.

        Raises:
            UsageError: The lab does not exist.
            LabError: Its journal is damaged, or belongs to another lab.
        """
        path = self.directory(name) / "lab.json"
        try:
            record = LabRecord.model_validate_json(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            known = ", ".join(self.names()) or "none at all"
            raise UsageError(
                f"there is no lab {name!r} on this machine", hint=f"there is {known}; `swarmnet lab up` creates one"
            ) from None
        except (OSError, ValidationError) as wrong:
            raise LabError(f"{path} is not the journal of a lab: {wrong}") from wrong
        if record.name != name:
            raise LabError(f"{path} is the journal of lab {record.name!r}, copied here", hint="remove the copy")
        return record

    def readable(self) -> tuple[list[LabRecord], list[str]]:
        """Return the labs whose journals can be read, and the names of the other directories with a journal."""
        records: list[LabRecord] = []
        damaged: list[str] = []
        for name in self.names():
            try:
                records.append(self.load(name))
            except (LabError, UsageError):  # damaged, foreign, or taken down meanwhile
                damaged.append(name)
        return records, damaged

    def create(self, record: LabRecord) -> None:
        """Make the directory of a new lab.

        It gets its name only once the journal is in it, so a directory without a journal never belongs to a lab.

        Raises:
            UsageError: Something has that name; it is left alone.
        """
        place = self.directory(record.name)
        if os.path.lexists(place):
            raise UsageError(f"{place} exists and is not a lab", hint="choose another --name")
        aside = self._aside(record, "new")
        aside.mkdir(parents=True, mode=0o700)
        _write(aside, record)
        aside.rename(place)

    def save(self, record: LabRecord) -> None:
        """Replace the journal of a lab, whole or not at all."""
        _write(self.directory(record.name), record)

    def sweep(self) -> None:
        """Remove what a killed ``create`` or ``remove`` left; hold the lock while you call it.

        Such a directory has a special name and holds nothing but a journal. All else is left alone: the state directory
        may be the top of a disk with other things on it.
        """
        for directory in self.base.iterdir() if self.base.is_dir() else ():
            if _ASIDE.fullmatch(directory.name) and directory.is_dir() and not directory.is_symlink():
                _remove_if_bare(directory)

    def remove(self, record: LabRecord) -> None:
        """Remove everything that the lab has on disk, the journal last; a directory that is not the lab's stays."""
        directory = self.directory(record.name)
        if directory.is_symlink() or not (directory / "lab.json").exists():
            return
        if self.load(record.name).id != record.id:
            return  # it was taken down meanwhile, and another one of that name was made
        for entry in sorted(directory.iterdir()):
            if not _is_journal(entry.name):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        aside = self._aside(record, "old")
        directory.rename(aside)
        _remove_if_bare(aside)

    def _aside(self, record: LabRecord, word: str) -> Path:
        return self.base / f".swarmnet-lab-{record.id}-{word}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store for a short change; no other process changes journals meanwhile.

        Raises:
            LockedError: Another process held it for 30 seconds.
        """
        self.base.mkdir(parents=True, exist_ok=True, mode=0o755)
        with locked(_LOCK):
            yield


def _write(directory: Path, record: LabRecord) -> None:
    content = record.model_dump_json(indent=1, exclude_none=True)
    write_atomically(directory / "lab.json", content.encode())


def _is_journal(name: str) -> bool:
    """Return whether a file is a journal, or what a killed process left of writing one."""
    return _JOURNAL_FILE.fullmatch(name) is not None


def _remove_if_bare(directory: Path) -> None:
    """Remove a directory that holds at most a journal."""
    entries = list(directory.iterdir())
    if all(_is_journal(entry.name) for entry in entries):
        for entry in entries:
            entry.unlink(missing_ok=True)
        directory.rmdir()
