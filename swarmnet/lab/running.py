"""The hosts of an existing lab: what they are plugged into, how to reach them, whether they answer."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.hosts.answering import answers, excuse
from swarmnet.lab.hosts.own_kernel import OwnKernel
from swarmnet.lab.hosts.shared_kernel import SharedKernel
from swarmnet.lab.machine.cgroups import LabGroups
from swarmnet.lab.machine.commands import attempt, environment
from swarmnet.lab.machine.waiting import until
from swarmnet.lab.network import Switch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from swarmnet.lab.hosts.kinds import HostKind
    from swarmnet.lab.machine.commands import Completed
    from swarmnet.lab.state import Fault, HostRecord, LabRecord, LabStore

ANSWER_LIMIT = 180.0
"""Seconds for hosts to answer after they were started; 20 hosts on 2 idle cores need about 10."""
_OWN_KERNEL_LIMIT = 40.0
"""Seconds more for each host with its own kernel; a single one on 2 cores needs about 10."""


@dataclass(slots=True)
class RunningLab:
    """The journal of a lab, and its hosts as they run."""

    record: LabRecord
    store: LabStore

    @property
    def directory(self) -> Path:
        """The directory with the lab's files."""
        return self.store.directory(self.record.name)

    @property
    def inventory(self) -> Path:
        """The inventory file of the hosts, for all other commands."""
        return self.record.inventory

    @property
    def groups(self) -> LabGroups:
        """The lab's control groups."""
        return LabGroups(self.record.group)

    @property
    def switch(self) -> Switch:
        """The switch that the hosts are plugged into."""
        return Switch(self.directory, self.groups)

    @property
    def hosts(self) -> tuple[HostRecord, ...]:
        """All hosts, extras included."""
        return self.record.hosts

    def host(self, name: str) -> HostRecord:
        """Return one host.

        Raises:
            UsageError: The lab has no such host.
        """
        return self.record.host(name)

    def kind(self, host: HostRecord) -> HostKind:
        """Return what switches this host on and off: the one place that distinguishes kinds of hosts."""
        prefix, gib = self.record.subnet.prefixlen, self.record.disk_gib
        match host.kernel:
            case "shared":
                return SharedKernel(
                    self.directory / "hosts", self.groups, self.switch, prefix_length=prefix, disk_gib=gib
                )
            case "own":
                return OwnKernel(self.directory, self.groups, self.switch, prefix_length=prefix, disk_gib=gib)

    # -------------------------------------------------------------- its use

    def exec(self, host: str, argv: Sequence[str], *, stdin: str = "", limit: float = 60.0) -> Completed:
        """Run ``argv`` as root inside a host, not over its network, and return how it ended.

        Raises:
            LabError: The host is off, or ``limit`` seconds passed.
        """
        record = self.host(host)
        return attempt(self.kind(record).inside(record, argv), stdin=stdin, limit=limit)

    def exec_attached(self, host: str, argv: Sequence[str]) -> int:
        """Run ``argv`` as root inside a host on the caller's own terminal and return its exit code."""
        record = self.host(host)
        return subprocess.call(self.kind(record).inside(record, argv), env=environment())

    def put_file(self, host: str, path: str, text: str) -> None:
        """Write a file inside a host, with the directories above it.

        Raises:
            LabError: The host is off, or refuses.
        """
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1.new" && mv "$1.new" "$1"'
        done = self.exec(host, ["sh", "-c", script, "put", path], stdin=text)
        if done.exit_code != 0:
            raise LabError(f"{host}: cannot write {path}: {done.last_words()}")

    def wait_answering(self, hosts: Iterable[HostRecord] | None = None, *, limit: float | None = None) -> None:
        """Return once sshd and engine of the hosts answer, except those that are broken on purpose.

        Raises:
            LabError: One died, or does not answer within ``limit`` seconds; the message shows its last output.
        """
        missing = {host.name: host for host in (self.hosts if hosts is None else hosts)}

        def answering() -> bool:
            for name, host in list(missing.items()):
                if answers(host, self.kind(host), record=self.record):
                    del missing[name]
            return not missing

        def excuses() -> str:
            return "; ".join(excuse(host, self.kind(host)) for host in missing.values())

        until(answering, limit=self._patience() if limit is None else limit, failing=excuses)

    def _patience(self) -> float:
        """Return the seconds for hosts to answer, unless the caller sets a limit."""
        return ANSWER_LIMIT + _OWN_KERNEL_LIMIT * sum(host.kernel == "own" for host in self.hosts)

    # -------------------------------------------------------------- journal

    def note(self, faults: tuple[Fault, ...]) -> None:
        """Write to the journal what is broken now."""
        self.save(self.record.model_copy(update={"faults": faults}))

    def save(self, record: LabRecord) -> None:
        """Replace the journal."""
        self.record = record
        self.store.save(record)
