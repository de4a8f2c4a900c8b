"""A lab: several real Docker hosts on this machine, from ``up`` to ``down``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from swarmnet.errors import LockedError, SwarmnetError
from swarmnet.files import write_atomically
from swarmnet.lab import inventory
from swarmnet.lab.breaking import Breaker
from swarmnet.lab.claim import alone_with_addresses, claim, require_root
from swarmnet.lab.hosts.disks import require_room, write_files
from swarmnet.lab.kernels import with_kernels
from swarmnet.lab.keys import KeyPair, known_hosts_line
from swarmnet.lab.machine.capabilities import require_lab_kernel
from swarmnet.lab.machine.neighbours import give_back, make_room
from swarmnet.lab.network import Switch
from swarmnet.lab.orphans import running_labs, take_down_lost
from swarmnet.lab.roots.cache import RootCache
from swarmnet.lab.running import RunningLab
from swarmnet.lab.state import LabStore
from swarmnet.lab.status import look

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from swarmnet.lab.spec import LabSpec
    from swarmnet.lab.state import Fault, HostRecord
    from swarmnet.lab.status import LabStatus


def silent(_: str) -> None:
    """Take a progress message and do nothing with it."""


@dataclass(slots=True)
class Lab(RunningLab):
    """A lab on this machine. As a context manager it is taken down at the end, also after an error."""

    # ------------------------------------------------------------------ life

    @classmethod
    def up(cls, spec: LabSpec, *, say: Callable[[str], None] = silent) -> Lab:
        """Create a lab and return it once every host's sshd and engine answer.

        If it ends early (an error, Ctrl-C), everything made so far is removed.

        Raises:
            UsageError: The name or subnet is in use, or the lab that was asked for is impossible.
            LabError: Roots are missing, the disk is too small, or a host does not answer.
        """
        require_root()
        store = LabStore.default()
        cache = RootCache.default()
        require_lab_kernel()
        spec = with_kernels(spec, say=say)
        roots = {release.version: cache.root(release) for release in spec.root_releases()}
        if spec.inventory is not None:
            inventory.require_free(spec.inventory.absolute())
        require_room(store.base, hosts=len(spec.releases()))
        with ExitStack() as choosing:
            choosing.enter_context(alone_with_addresses())
            lab = cls(claim(spec, store=store, roots=roots), store)
            try:
                lab.switch.start(lab.record)
                make_room(sum(host.kernel == "shared" for host in lab.record.hosts))
                choosing.close()
                lab._make(say)
            except BaseException:
                choosing.close()  # to take the lab down, this process needs the same lock
                try:
                    say(f"lab {spec.name}: removing what was made so far")
                finally:
                    # Even if `say` fails: the terminal may be gone.
                    lab._undo(say)
                raise
        return lab

    @classmethod
    def open(cls, name: str) -> Lab:
        """Return an existing lab.

        Raises:
            UsageError: There is no lab of this name.
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
        """Remove the lab: processes, control groups, interfaces, files. May be repeated.

        Raises:
            LabError: Something cannot be removed; the journal stays, so you can run ``down`` again.
        """
        self.groups.kill()
        self.groups.remove()
        Switch.wait_gone(self.record.leg)
        if inventory.is_ours(self.record.inventory, self.record):
            self.record.inventory.unlink()
        self.store.remove(self.record)
        _give_back_room()

    def _undo(self, say: Callable[[str], None]) -> None:
        """Remove what was made so far. What cannot be removed is said: it never hides why the lab did not come up."""
        try:
            self.down()
        except SwarmnetError as left:
            name = self.record.name
            say(f"lab {name}: not all of it could be removed: {left}; run `swarmnet lab down --name {name}` again")

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
        write_atomically(record.inventory, inventory.render(record, self.directory).encode(), mode=0o644)
        self.save(record.model_copy(update={"phase": "up"}))

    def _make_host(self, host: HostRecord, operator: KeyPair) -> str:
        """Start one host and return its line for known_hosts."""
        kind = self.kind(host)
        key = KeyPair.generate(host.name)
        kind.prepare(host)
        write_files(self.directory / "hosts" / host.name / "upper", host, operator=operator, host_key=key)
        kind.power_on(host)
        return known_hosts_line(str(host.address), key)

    # -------------------------------------------------------- broken and healed

    @property
    def breaker(self) -> Breaker:
        """What breaks and heals the hosts."""
        return Breaker(self)

    def break_(self, fault: Fault) -> None:
        """Break something; the journal lists it first.

        Raises:
            UsageError: The fault makes no sense.
            LabError: It cannot be made; then the journal does not list it either.
        """
        self.breaker.put(fault)

    def heal(self, fault: Fault, *, limit: float | None = None) -> None:
        """Heal what matches ``fault`` (a missing option matches any value) and return once the host answers again.

        Raises:
            LabError: The host does not answer within ``limit`` seconds.
        """
        self.breaker.heal(fault, limit=limit)

    def heal_all(self, host: str | None = None, *, limit: float | None = None) -> None:
        """Heal every fault (or every fault of one host), powered-off hosts first."""
        self.breaker.heal_all(host, limit=limit)

    def reset(self, *, limit: float | None = None) -> None:
        """Give every host an engine without swarm, containers, networks and volumes; heal what is broken."""
        self.breaker.reset(limit=limit)

    def status(self) -> LabStatus:
        """Observe every host and return what was seen."""
        return look(self)


def down_all(*, say: Callable[[str], None] = silent) -> tuple[list[str], list[SwarmnetError]]:
    """Remove every lab, including what killed runs left; return what was removed and the errors."""
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
    gone += [f"{lab} (its journal was lost)" for lab in take_down_lost(store.base)]
    _give_back_room()
    return gone, failures


def down_by_name(name: str) -> None:
    """Remove a lab, including one whose ``up`` was killed.

    Raises:
        LockedError: Another process is bringing it up right now.
        UsageError: The lab does not exist.
    """
    lab = Lab.open(name)
    if lab.record.being_started():
        raise LockedError(
            f"lab {name} is being brought up by process {lab.record.owner[0]}", hint="stop that process with Ctrl-C"
        )
    lab.down()


def _give_back_room() -> None:
    """Set the limits of the machine's table of neighbours as they were, once no lab runs any more."""
    with alone_with_addresses():
        if not running_labs():
            give_back()
