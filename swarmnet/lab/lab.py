"""A lab: several real Docker hosts on this machine, from ``up`` to ``down``."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from swarmnet.errors import LabError, LockedError, SwarmnetError
from swarmnet.lab import inventory
from swarmnet.lab.breaking import Breaker
from swarmnet.lab.claim import alone_with_addresses, claim, require_root
from swarmnet.lab.hosts.answering import answers, excuse, ssh_answers
from swarmnet.lab.hosts.disks import require_room, write_files
from swarmnet.lab.hosts.own_kernel import OwnKernel
from swarmnet.lab.hosts.shared_kernel import SharedKernel
from swarmnet.lab.kernels import with_kernels
from swarmnet.lab.keys import KeyPair, known_hosts_line
from swarmnet.lab.machine.capabilities import (
    guest_capabilities,
    read_capabilities,
    require_lab_kernel,
    write_capabilities,
)
from swarmnet.lab.machine.cgroups import LabGroups
from swarmnet.lab.machine.commands import attempt, environment
from swarmnet.lab.machine.waiting import until
from swarmnet.lab.network import Switch
from swarmnet.lab.orphans import take_down_lost
from swarmnet.lab.roots.cache import RootCache
from swarmnet.lab.state import LabRecord, LabStore
from swarmnet.lab.status import HostStatus, LabStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from swarmnet.lab.hosts.kinds import HostKind
    from swarmnet.lab.machine.capabilities import Capability
    from swarmnet.lab.machine.commands import Completed
    from swarmnet.lab.spec import LabSpec
    from swarmnet.lab.state import Fault, HostRecord

ANSWER_LIMIT = 60.0
"""Seconds that hosts get to answer after they were started; 20 hosts on 2 cores need about 10."""
_OWN_KERNEL_LIMIT = 40.0
"""Seconds more for each host with a kernel of its own; alone on 2 cores one needs about 10."""


def silent(_: str) -> None:
    """Take a progress message and do nothing with it."""


@dataclass(slots=True)
class Lab:
    """A lab on this machine. As a context manager it takes itself down at the end, whatever happened."""

    record: LabRecord
    store: LabStore

    # ------------------------------------------------------------------ life

    @classmethod
    def up(cls, spec: LabSpec, *, say: Callable[[str], None] = silent) -> Lab:
        """Make a lab and return it once every host's sshd and engine answer.

        Whatever ends it early (an error, Ctrl-C) takes away what was made so far.

        Raises:
            UsageError: Name or subnet in use, or a wish that cannot be.
            LabError: Roots are missing, the disk is too small, or a host does not answer.
        """
        require_root()
        store = LabStore.default()
        cache = RootCache.default()
        roots = {release.version: cache.root(release) for release in spec.releases().values()}
        if spec.inventory is not None:
            inventory.require_free(spec.inventory.absolute())
        require_room(store.base, hosts=len(spec.releases()))
        require_lab_kernel()
        spec = with_kernels(spec, say=say)
        with ExitStack() as choosing:
            choosing.enter_context(alone_with_addresses())
            lab = cls(claim(spec, store=store, roots=roots), store)
            try:
                lab.switch.start(lab.record)
                choosing.close()
                lab._make(say)
            except BaseException:
                try:
                    say(f"lab {spec.name}: taking away what was made so far")
                finally:
                    # Also when nobody listens any more: the terminal may be what went away.
                    lab.down()
                raise
        return lab

    @classmethod
    def open(cls, name: str) -> Lab:
        """Return a lab that is there already.

        Raises:
            LabError: There is none of this name.
        """
        require_root()
        store = LabStore.default()
        return cls(store.load(name), store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def down(self) -> None:
        """Take the lab away: processes, control groups, interfaces, files. May be repeated.

        Raises:
            LabError: Something would not go away; the journal stays, so that ``down`` can be run again.
        """
        self.groups.kill()
        self.groups.remove()
        Switch.wait_gone(self.record.leg)
        if inventory.is_ours(self.record.inventory, self.record):
            self.record.inventory.unlink()
        self.store.remove(self.record)

    def _make(self, say: Callable[[str], None]) -> None:
        record = self.record
        noun = "host" if len(record.hosts) == 1 else "hosts"
        say(f"lab {record.name}: {len(record.hosts)} {noun} in {record.subnet}")
        operator = KeyPair.generate(f"swarmnet-lab-{record.name}")
        operator.write(self.directory / inventory.KEY_FILE)
        lines = [self._make_host(host, operator) for host in record.hosts]
        (self.directory / inventory.KNOWN_HOSTS_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
        say(f"lab {record.name}: waiting for sshd and the engine of every host")
        self.wait_answering()
        record.inventory.write_text(inventory.render(record, self.directory), encoding="utf-8")
        self._save(record.model_copy(update={"phase": "up"}))

    def _make_host(self, host: HostRecord, operator: KeyPair) -> str:
        """Start one host and return its line for known_hosts."""
        kind = self.kind(host)
        key = KeyPair.generate(host.name)
        kind.prepare(host)
        write_files(self.directory / "hosts" / host.name / "upper", host, operator=operator, host_key=key)
        kind.power_on(host)
        return known_hosts_line(str(host.address), key)

    # ------------------------------------------------------------- its parts

    @property
    def directory(self) -> Path:
        """Where the lab keeps its files."""
        return self.store.directory(self.record.name)

    @property
    def inventory(self) -> Path:
        """The inventory file that makes the hosts known to all other commands."""
        return self.record.inventory

    @property
    def groups(self) -> LabGroups:
        """The lab's control groups."""
        return LabGroups(self.record.group)

    @property
    def switch(self) -> Switch:
        """What the hosts are plugged into."""
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
        """Return what switches this host on and off: the one place where kinds are told apart."""
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
        """Run ``argv`` as root inside a host, beside its network, and return how it ended.

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

    def trust_registry(self, place: str, ca_pem: str) -> None:
        """Make every host's engine trust the registry at ``place`` (``host:port``) by its CA certificate.

        The engine reads the certificate at each pull; it need not be restarted.
        """
        for host in self.hosts:
            self.put_file(host.name, f"/etc/docker/certs.d/{place}/ca.crt", ca_pem)

    def break_(self, fault: Fault) -> None:
        """Break something, and note it in the journal first.

        Raises:
            UsageError: The fault makes no sense.
            LabError: It could not be done; then it is not noted either.
        """
        Breaker(self).put(fault)

    def heal(self, fault: Fault, *, limit: float | None = None) -> None:
        """Take back what matches ``fault`` (options left open match any) and return when the host answers again.

        Raises:
            LabError: The host does not answer within ``limit`` seconds.
        """
        Breaker(self).heal(fault, limit=limit)

    def heal_all(self, host: str | None = None, *, limit: float | None = None) -> None:
        """Take every fault back (or every fault of one host), powered-off hosts first."""
        Breaker(self).heal_all(host, limit=limit)

    def reset(self, *, limit: float | None = None) -> None:
        """Give every host an engine without swarm, containers, networks and volumes; heal what is broken.

        A power cut and a start, which takes the same short time whatever state the engines are in. Images,
        trusted registries and all files outside of the engine's data stay; SSH connections end.
        """
        for host in self.hosts:
            self.kind(host).power_off(host)
        Breaker(self).forget_all()
        for host in self.hosts:
            kind = self.kind(host)
            kind.forget(host)
            kind.power_on(host)
        self.wait_answering(limit=limit)

    def wait_answering(self, hosts: Iterable[HostRecord] | None = None, *, limit: float | None = None) -> None:
        """Return when sshd and engine of the hosts answer, those aside that are broken on purpose.

        Raises:
            LabError: One died, or does not within ``limit`` seconds; the message shows its last words.
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
        """Return the seconds that hosts get to answer when nobody says otherwise."""
        return ANSWER_LIMIT + _OWN_KERNEL_LIMIT * sum(host.kernel == "own" for host in self.hosts)

    def status(self) -> LabStatus:
        """Look at every host and return what was seen."""
        with ThreadPoolExecutor(8) as pool:
            hosts = tuple(pool.map(self._host_status, self.hosts))
        return LabStatus.of(self.record, hosts, switch=self.switch.running(), own_kernel=self._own_kernel())

    def _own_kernel(self) -> tuple[Capability, ...]:
        """Return what the hosts' own kernels can do: all of them run the same program, so it is tried on one, once.

        Trying takes a guest some seconds, so the lab keeps what was found.
        """
        known = self.directory / "own-kernel.json"
        if known.exists():
            return read_capabilities(known)
        for host in self.hosts:
            kind = self.kind(host)
            if host.kernel == "own" and kind.engine_answers(host):
                found = guest_capabilities(partial(kind.inside, host))
                write_capabilities(known, found)
                return found
        return ()

    def _host_status(self, host: HostRecord) -> HostStatus:
        kind = self.kind(host)
        powered = kind.powered(host)
        return HostStatus(
            name=host.name,
            address=str(host.address),
            role=host.role,
            engine=host.engine,
            kernel=host.kernel,
            powered=powered,
            ssh=powered and ssh_answers(host, kind),
            engine_answers=powered and kind.engine_answers(host),
        )

    # -------------------------------------------------------------- journal

    def note(self, faults: tuple[Fault, ...]) -> None:
        """Write down what is broken now."""
        self._save(self.record.model_copy(update={"faults": faults}))

    def _save(self, record: LabRecord) -> None:
        self.record = record
        self.store.save(record)


def down_all(*, say: Callable[[str], None] = silent) -> tuple[list[str], list[SwarmnetError]]:
    """Take every lab away, also what killed runs left, and return who is gone and what went wrong."""
    require_root()
    store = LabStore.default()
    gone, failures = [], []
    for name in store.names():
        say(f"lab {name}: taking it down")
        try:
            down_by_name(name)
        except SwarmnetError as wrong:
            failures.append(wrong)
        else:
            gone.append(name)
    if store.base.is_dir():
        with store.locked():
            store.sweep()
    return gone + [f"{lab} (its journal was lost)" for lab in take_down_lost(store.base)], failures


def down_by_name(name: str) -> None:
    """Take a lab away, also one whose ``up`` was killed.

    Raises:
        LockedError: A live process is bringing it up at this moment.
        LabError: There is no such lab.
    """
    lab = Lab.open(name)
    if lab.record.being_started():
        raise LockedError(
            f"lab {name} is being brought up by process {lab.record.owner[0]}", hint="stop that one with Ctrl-C"
        )
    lab.down()
