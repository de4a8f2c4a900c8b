"""Lab hosts with a kernel of their own, as User-Mode Linux processes: routing mesh, encryption, power cuts.

A host is one process tree in the lab's control group, shut into namespaces of its own (``own_host.sh``); its
taps live in the switch's network namespace. Killing the tree is the power cut: what the guest had not
written to its disk is lost, as on a real machine (the disk image is written back, not through).

``inside`` does not use the host's network: each host has a second card in a network namespace of its own
inside, with an sshd on it that serves the lab alone. One connection per host is held open over it; commands
and the engine's socket go through that one, so that links, rules and engines of the host can be broken freely.

Debian's kernel 6.12 with engines 20.10, 26.1 and 28.5 is what this was measured with.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.hosts.disks import make_disk
from swarmnet.lab.hosts.evidence import engine_pongs, listens_on_22, tail
from swarmnet.lab.hosts.processors import mask
from swarmnet.lab.hosts.uml import MEMORY_MIB, UserModeLinux
from swarmnet.lab.inventory import KEY_FILE, KNOWN_HOSTS_FILE
from swarmnet.lab.machine.commands import SYSTEM_PATH, attempt, detach
from swarmnet.lab.network import BRIDGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.lab.machine.cgroups import LabGroups
    from swarmnet.lab.network import Switch
    from swarmnet.lab.state import HostRecord

_SCRIPTS = Path(__file__).parent
_LEGACY = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")
NO_SIGNALS = "GODEBUG=asyncpreemptoff=1"
"""Programs of Go, such as the docker command, hang here now and then when their threads send each other signals."""
_WITH_LINE = 'pid=$(cat /run/lab/line.pid); spare="nsenter --net=/proc/$pid/ns/net ip link set"'
_SPARE_IN = f"{_WITH_LINE}; ip link show eth1 >/dev/null 2>&1 || $spare vec2 name eth1 netns 1"
_SPARE_OUT = (
    f"{_WITH_LINE}; ip link show eth1 >/dev/null 2>&1 || exit 0; "
    "ip address flush dev eth1; ip link set eth1 down; ip link set eth1 name vec2 netns $pid"
)


@dataclass(frozen=True, slots=True)
class OwnKernel:
    """The kind of host that has a kernel of its own; implements :class:`swarmnet.lab.hosts.kinds.HostKind`."""

    directory: Path
    """Holds the lab's keys, and one directory per host below ``hosts``."""
    groups: LabGroups
    switch: Switch
    prefix_length: int
    disk_gib: int

    def prepare(self, host: HostRecord) -> None:
        """Make the host's overlay directories and its disk; put the legacy iptables first in its path."""
        own = self._own(host)
        for name in ("upper", "work", "root"):
            (own / name).mkdir(parents=True, exist_ok=True)
        if not (own / "disk.img").exists():
            make_disk(own / "disk.img", gib=self.disk_gib)
        # This kernel has no nftables for IPv4.
        first = own / "upper/usr/local/sbin"
        first.mkdir(parents=True, exist_ok=True)
        for name in _LEGACY:
            (first / name).symlink_to("/usr/sbin/xtables-legacy-multi")

    def power_on(self, host: HostRecord) -> None:
        """Start the host's kernel, and the line to it."""
        own, uml = self._own(host), UserModeLinux.of(host.kernel_root or host.root)
        here, there = _line_addresses(host)
        inner = {
            "LAB_HOST": host.name,
            "LAB_ADDRESS": f"{host.address}/{self.prefix_length}",
            "LAB_LINE_THERE": f"{there}/30",
        }
        settings = {
            "LAB_BRIDGE": BRIDGE,
            "LAB_PORT": host.port,
            "LAB_LINE": _line(host),
            "LAB_SPARE": _spare(host),
            "LAB_LINE_HERE": f"{here}/30",
            "LAB_ROOT": str(host.root),
            "LAB_DIR": str(own),
            "LAB_KERNEL_ROOT": str(uml.root),
            "LAB_KERNEL": str(uml.kernel),
            "LAB_MODULES": str(uml.modules),
            "LAB_RELEASE": uml.modules.name,
            "LAB_MEMORY": str(MEMORY_MIB),
            "LAB_PROCESSORS": mask(host),
            "LAB_MAC": host.mac,
            "LAB_SPARE_MAC": f"06{host.mac[2:]}",
            "LAB_SETTINGS": "\n".join(f"{name}={shlex.quote(value)}" for name, value in inner.items()),
        }
        network = ["nsenter", f"--net={self.switch.namespace}", "--"]
        alone = ["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--propagation", "private", "--"]
        start = [*network, *alone, "/bin/sh", str(_SCRIPTS / "own_host.sh")]
        self.groups.create(host.name)
        detach(lambda a: self.groups.joining(host.name, a), start, log=own / "console.log", env=settings)
        self._hold_line(host, network, to=there)

    def _hold_line(self, host: HostRecord, network: Sequence[str], *, to: str) -> None:
        own = self._own(host)
        settings = {
            "LAB_DIR": str(own),
            "LAB_KEY": str(self.directory / KEY_FILE),
            "LAB_KNOWN_HOSTS": str(self.directory / KNOWN_HOSTS_FILE),
            "LAB_TARGET": to,
            "LAB_ALIAS": str(host.address),
        }
        argv = [*network, "/bin/sh", str(_SCRIPTS / "own_line.sh")]
        self.groups.create(_line_member(host))
        detach(lambda a: self.groups.joining(_line_member(host), a), argv, log=own / "line.log", env=settings)

    def power_off(self, host: HostRecord) -> None:
        """Kill every process of the host at once."""
        self.groups.kill(host.name)
        self.groups.kill(_line_member(host))
        for name in ("line.sock", "engine.sock"):
            (self._own(host) / name).unlink(missing_ok=True)

    def forget(self, host: HostRecord) -> None:
        """Have the host's next start wipe its engine's state, images aside, before the engine runs."""
        (self._own(host) / "upper/etc/lab-wipe").touch()

    def plug(self, host: HostRecord, *, into_switch: bool) -> None:
        """Join the tap to the bridge or take it out; the tap itself stays up, and out it stays over a power cut.

        Writing to a tap that is down is an error, and the guest's card would not recover from it before a boot.
        """
        self.switch.ip_batch([f"link set {host.port} {f'master {BRIDGE}' if into_switch else 'nomaster'}"])

    def second_card(self, host: HostRecord, *, plugged: bool) -> None:
        """Move the spare card, which is hidden in the network of the lab's line, to the host's own network; or back.

        Raises:
            LabError: The host is powered off, or refuses.
        """
        if plugged:
            self.switch.ip_batch([f"link set {_spare(host)} master {self.switch.second_bridge()}"])
        done = attempt(self.inside(host, ["sh", "-c", _SPARE_IN if plugged else _SPARE_OUT]))
        if done.exit_code != 0:
            raise LabError(f"{host.name}: cannot move its second card: {done.last_words()}")
        if not plugged:
            self.switch.ip_batch([f"link set {_spare(host)} nomaster"])

    def powered(self, host: HostRecord) -> bool:
        """Return whether the host's kernel runs or is starting."""
        return bool(self.groups.processes(host.name))

    def inside(self, host: HostRecord, argv: Sequence[str]) -> list[str]:
        """Return what runs ``argv`` inside the host, over the line that is held to it.

        Raises:
            LabError: The host is powered off.
        """
        if not self.powered(host):
            raise LabError(f"{host.name} is powered off", hint=f"run `swarmnet lab heal {host.name} kill`")
        clean = ["env", "-i", f"PATH={SYSTEM_PATH}", "HOME=/root", f"TERM={os.environ.get('TERM', 'dumb')}", NO_SIGNALS]
        enter = ["nsenter", "--net=/proc/1/ns/net", "--", *clean, *argv]
        # Where no line is held yet, ssh must not look for another way: there is none.
        only = ("-o", "ProxyCommand=false", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR")
        # The command of an SSH session is one string that a shell of the host reads: the one place to quote.
        client = ["ssh", "-F", "none", "-S", "line.sock", *only, "--", f"root@{host.name}", shlex.join(enter)]
        return ["env", "-C", str(self._own(host)), *client]

    def sshd_listens(self, host: HostRecord) -> bool:
        """Look for a listener on port 22 in the host's own network."""
        if not self.powered(host):
            return False
        return listens_on_22(attempt(self.inside(host, ["cat", "/proc/self/net/tcp"])).stdout)

    def engine_answers(self, host: HostRecord) -> bool:
        """Ping the engine over the line that is held to the host; no process is started."""
        path = self._engine_socket(host)
        # The guest has one slow processor, and it is busy while it boots.
        return path is not None and engine_pongs(path, limit=10.0)

    def _engine_socket(self, host: HostRecord) -> Path | None:
        """Return where the machine itself sees the engine's socket; None while no line is held."""
        path = self._own(host) / "engine.sock"
        return path if path.exists() else None

    def last_words(self, host: HostRecord) -> str:
        """Return the end of the host's console and of its engine's log."""
        own = self._own(host)
        said = [_console(own / "console.log"), tail(own / "upper/var/log/docker.log", 5)]
        return "\n".join(text for text in said if text) or "(nothing on its console)"

    def _own(self, host: HostRecord) -> Path:
        return self.directory / "hosts" / host.name


def _console(path: Path) -> str:
    """Return the end of a console; of a panic its reason, which comes before a long trace."""
    lines = tail(path, 80).splitlines()
    panics = [number for number, line in enumerate(lines) if "Kernel panic" in line]
    first = panics[-1] if panics else -10
    return "\n".join(lines[first:][:10])


def _line(host: HostRecord) -> str:
    """Name the tap of the line to a host."""
    return host.port.replace("port", "line")


def _spare(host: HostRecord) -> str:
    """Name the tap of a host's second card."""
    return host.port.replace("port", "spare")


def _line_member(host: HostRecord) -> str:
    """Name the groups of the process that holds the line; no host name has a dot."""
    return f"{host.name}.line"


def _line_addresses(host: HostRecord) -> tuple[str, str]:
    """Return the two addresses of a host's line: link-local, known to its two ends only."""
    number = int(host.port.removeprefix("port"))
    return f"169.254.{number}.1", f"169.254.{number}.2"
