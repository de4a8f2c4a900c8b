"""Lab hosts out of namespaces: they boot in a second and share the machine's kernel, with what it lacks.

A host is a chain of processes in the lab's control group; the chain holds all of its namespaces, and all
of its mounts are inside them. Killing the chain therefore leaves nothing but the host's files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.hosts.disks import make_disk
from swarmnet.lab.hosts.evidence import engine_pongs, listens_on_22, tail
from swarmnet.lab.machine.cgroups import hierarchies
from swarmnet.lab.machine.commands import SYSTEM_PATH, attempt, detach
from swarmnet.lab.machine.processes import ProcessIdentity
from swarmnet.lab.network import BRIDGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.lab.machine.cgroups import LabGroups
    from swarmnet.lab.network import Switch
    from swarmnet.lab.state import HostRecord

_SCRIPT = Path(__file__).with_name("shared_host.sh")


@dataclass(frozen=True, slots=True)
class SharedKernel:
    """The kind of host that is made of namespaces; implements :class:`swarmnet.lab.hosts.kinds.HostKind`."""

    directory: Path
    """Holds one directory per host."""
    groups: LabGroups
    switch: Switch
    prefix_length: int
    disk_gib: int

    def prepare(self, host: HostRecord) -> None:
        """Make the host's overlay directories and its disk."""
        own = self.directory / host.name
        for name in ("upper", "work", "root"):
            (own / name).mkdir(parents=True, exist_ok=True)
        if not (own / "disk.img").exists():
            make_disk(own / "disk.img", gib=self.disk_gib)

    def power_on(self, host: HostRecord) -> None:
        """Start the host's chain of processes."""
        own = self.directory / host.name
        (own / "init.stat").unlink(missing_ok=True)
        groups = self.groups.create(host.name)
        self.groups.create(_keeper(host))
        settings = {
            "LAB_GROUPS": " ".join(map(str, groups)),
            "LAB_SWITCH": self.switch.namespace,
            "LAB_BRIDGE": BRIDGE,
            "LAB_PORT": host.port,
            "LAB_MAC": host.mac,
            "LAB_ADDRESS": f"{host.address}/{self.prefix_length}",
            "LAB_HOST": host.name,
            "LAB_ROOT": str(host.root),
            "LAB_DIR": str(own),
            "LAB_CGROUPS": " ".join(f"{h.version}|{h.mount.name}|{h.mount_options}" for h in hierarchies()),
        }
        argv = ["unshare", "--net", "--", "/bin/sh", str(_SCRIPT), "wire"]
        detach(lambda a: self.groups.joining(_keeper(host), a), argv, log=own / "console.log", env=settings)

    def power_off(self, host: HostRecord) -> None:
        """Kill every process of the host at once."""
        init = self._init(host)
        if init is not None:
            init.kill()
        self.groups.kill(host.name)
        self.groups.kill(_keeper(host))

    def forget(self, host: HostRecord) -> None:
        """Have the host's next start wipe its engine's state, images aside, before the engine runs."""
        (self.directory / host.name / "wipe").touch()

    def plug(self, host: HostRecord, *, into_switch: bool) -> None:
        """Switch the port on or off: the host sees its carrier come or go. A start makes a new port, which is on."""
        self.switch.set_port(host.port, up=into_switch)

    def second_card(self, host: HostRecord, *, plugged: bool) -> None:
        """Make a pair of interfaces, one end of it in the host; or delete it.

        Raises:
            LabError: The host is powered off.
        """
        port, init = f"{host.port}b", self._running(host)
        attempt(["nsenter", f"--net={self.switch.namespace}", "ip", "link", "delete", port])
        if plugged:
            mac = f"06{host.mac[2:]}"
            bridge = self.switch.second_bridge()
            self.switch.ip_batch(
                [f"link add name {port} master {bridge} up type veth peer name eth1 address {mac} netns {init.pid}"]
            )

    def powered(self, host: HostRecord) -> bool:
        """Return whether the host runs, or is on its way to: whether its first process is there."""
        return bool(self.groups.processes(_keeper(host)))

    def inside(self, host: HostRecord, argv: Sequence[str]) -> list[str]:
        """Return what runs ``argv`` in all namespaces and control groups of the host.

        Raises:
            LabError: The host is powered off.
        """
        init = self._running(host)
        clean = ["env", "-i", f"PATH={SYSTEM_PATH}", "HOME=/root", f"TERM={os.environ.get('TERM', 'dumb')}"]
        enter = ["nsenter", f"--target={init.pid}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        return self.groups.joining(host.name, [*enter, "--", *clean, *argv])

    def sshd_listens(self, host: HostRecord) -> bool:
        """Look for a listener on port 22 in the host's network namespace."""
        init = self._init(host)
        if init is None:
            return False
        try:
            text = Path(f"/proc/{init.pid}/net/tcp").read_text(encoding="ascii")
        except OSError:
            # The host died meanwhile.
            return False
        return listens_on_22(text)

    def engine_answers(self, host: HostRecord) -> bool:
        """Ping the engine through the host's own view of the file system; no process is started."""
        path = self._engine_socket(host)
        return path is not None and engine_pongs(path)

    def _engine_socket(self, host: HostRecord) -> Path | None:
        """Return where the machine itself sees the engine's socket; None while the host is off."""
        init = self._init(host)
        return None if init is None else Path(f"/proc/{init.pid}/root/run/docker.sock")

    def last_words(self, host: HostRecord) -> str:
        """Return the end of the host's console and of its engine's log."""
        own = self.directory / host.name
        said = [tail(own / "console.log", 5), tail(own / "upper/var/log/docker.log", 5)]
        return "\n".join(text for text in said if text) or "(nothing on its console)"

    def _running(self, host: HostRecord) -> ProcessIdentity:
        init = self._init(host)
        if init is None or not init.alive():
            raise LabError(f"{host.name} is powered off", hint=f"run `swarmnet lab heal {host.name} kill`")
        return init

    def _init(self, host: HostRecord) -> ProcessIdentity | None:
        return ProcessIdentity.recorded_in(self.directory / host.name / "init.stat")


def _keeper(host: HostRecord) -> str:
    """Name the groups of the process that holds a host's namespaces; no host name has a dot."""
    return f"{host.name}.keeper"
