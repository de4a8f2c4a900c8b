"""Each lab's own subtree in every control group hierarchy of the machine.

The subtree is two things at once: where the hosts' engines keep their containers' groups, and the one
complete list of the lab's processes. A process is placed in it before it does anything else, and children
inherit it, so the processes of a killed run are found here even if their pids were never written down.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.machine.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WANTED = {"cpu", "cpuset", "io", "memory", "pids"}
"""The controllers with which engines limit containers."""
_JOIN = 'for group in $1; do echo $$ > "$group/cgroup.procs" || exit 125; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted cgroup hierarchy."""

    mount: Path
    version: int
    options: tuple[str, ...]
    """Controllers of a version 1 hierarchy, or its ``name=``; empty for version 2."""

    @property
    def mount_options(self) -> str:
        """Return what ``mount -o`` wants in order to mount this hierarchy once more."""
        named = any(option.startswith("name=") for option in self.options)
        return ",".join((*(("none",) if named else ()), *self.options))


def hierarchies(mountinfo: str | None = None) -> tuple[Hierarchy, ...]:
    """Return every cgroup hierarchy mounted here, from the text of ``/proc/self/mountinfo``."""
    if mountinfo is None:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return tuple(dict.fromkeys(_parse(mountinfo)))


def _parse(mountinfo: str) -> Iterator[Hierarchy]:
    for line in mountinfo.splitlines():
        place, _, kind = line.partition(" - ")
        fields, (fstype, _, options) = place.split(), kind.split(" ", 2)
        if fstype == "cgroup2":
            yield Hierarchy(Path(fields[4]), 2, ())
        elif fstype == "cgroup":
            flags = {"rw", "ro", "xattr", "noprefix", "clone_children", "seclabel"}
            kept = tuple(o for o in options.split(",") if o not in flags and not o.startswith("release_agent="))
            yield Hierarchy(Path(fields[4]), 1, kept)


@dataclass(frozen=True, slots=True)
class LabGroups:
    """The groups of one lab: ``NAME`` at the top of each hierarchy, one child per host."""

    name: str

    def tops(self) -> list[Path]:
        """Return the lab's directory in every hierarchy, whether it exists or not."""
        return [hierarchy.mount / self.name for hierarchy in hierarchies()]

    def create(self, member: str) -> tuple[Path, ...]:
        """Make the groups of one member (a host, or the switch) and return their directories."""
        made = []
        for hierarchy in hierarchies():
            for path in (hierarchy.mount / self.name, hierarchy.mount / self.name / member):
                path.mkdir(exist_ok=True)
                _prepare(hierarchy, path)
            _leaf(hierarchy, hierarchy.mount / self.name / member).mkdir(exist_ok=True)
            made.append(hierarchy.mount / self.name / member)
        return tuple(made)

    def joining(self, member: str, argv: Sequence[str]) -> list[str]:
        """Return ``argv`` preceded by what puts it into the groups of ``member`` first."""
        leaves = (_leaf(hierarchy, hierarchy.mount / self.name / member) for hierarchy in hierarchies())
        return ["/bin/sh", "-c", _JOIN, "join", " ".join(map(str, leaves)), *argv]

    def processes(self, member: str | None = None) -> set[int]:
        """Return the pids of every process in the lab, or in one member of it."""
        tops = self.tops() if member is None else [top / member for top in self.tops()]
        return {pid for top in tops for pid in _pids_below(top)}

    def kill(self, member: str | None = None, *, limit: float = 60.0) -> None:
        """Kill every process of the lab (or of one member) and wait until the last one is gone.

        Raises:
            LabError: Some process did not go away within ``limit`` seconds.
        """
        failing = lambda: f"processes {sorted(self.processes(member))} do not die"  # noqa: E731
        until(lambda: self._sweep(member), limit=limit, failing=failing)

    def _sweep(self, member: str | None = None) -> bool:
        """Kill what runs now; return whether nothing did."""
        pids = self.processes(member)
        for pid in pids:
            self._kill_one(pid)
        return not pids

    def _kill_one(self, pid: int) -> None:
        identity = ProcessIdentity.of(pid)
        # Read after the identity was taken: a stranger that got the pid meanwhile is not in our groups.
        if identity is not None and self._holds(pid):
            identity.kill()

    def _holds(self, pid: int) -> bool:
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return any(f"/{self.name}/" in f"{line.split(':', 2)[2]}/" for line in lines)

    def remove(self, *, limit: float = 10.0) -> None:
        """Remove the lab's groups. A process that joins one late is killed, too.

        There is one where an interrupt came while the process was being started: no caller waits for it any more.

        Raises:
            LabError: A group stayed busy for ``limit`` seconds.
        """

        def swept() -> bool:
            self._sweep()
            return all(_remove_tree(top) for top in self.tops())

        until(swept, limit=limit, failing=lambda: f"control groups stay busy: {self.leftovers()}")

    def leftovers(self) -> list[Path]:
        """Return those of the lab's directories that exist."""
        return [top for top in self.tops() if top.exists()]


def _leaf(hierarchy: Hierarchy, group: Path) -> Path:
    """Return where the processes of a group belong: a version 2 group that has children must be empty itself."""
    return group if hierarchy.version == 1 else group / "init"


def _prepare(hierarchy: Hierarchy, path: Path) -> None:
    """Make ``path`` able to hold processes and to pass its controllers on to children."""
    if hierarchy.version != 1:
        _delegate(path.parent)
        return
    # A new cpuset group is empty and takes no process until its cpus and memory nodes are set.
    for setting in ("cpuset.cpus", "cpuset.mems"):
        target = path / setting
        if target.exists() and not target.read_text().strip():
            target.write_text((path.parent / setting).read_text())


def _delegate(parent: Path) -> None:
    """Hand the controllers of a version 2 group to its children, one by one: some may be refused."""
    offered = (parent / "cgroup.controllers").read_text().split()
    for controller in _WANTED.intersection(offered):
        try:
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            # Realtime tasks in the root group forbid `cpu`, for example; the engine lives without it.
            continue


def _pids_below(top: Path) -> Iterator[int]:
    for directory, _, files in os.walk(top):
        if "cgroup.procs" in files:
            try:
                text = Path(directory, "cgroup.procs").read_text()
            except OSError:
                # The group went away while we looked.
                continue
            yield from (int(pid) for pid in text.split() if pid != "0")


def _remove_tree(top: Path) -> bool:
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            Path(directory).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True
